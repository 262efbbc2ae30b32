# A person who works on tickets, for the tests. The bridge's own part is deploy/request-tracker.
our ( @Users, @ACL );
@Users = ( { Name => 'agent1', RealName => 'Agent One', EmailAddress => 'agent1@rt.test', Privileged => 1 } );
@ACL   = map { { UserId => 'agent1', Queue => 'WhatsApp', Right => $_ } } qw(SeeQueue ShowTicket
    ShowTicketComments CreateTicket ReplyToTicket CommentOnTicket ModifyTicket OwnTicket TakeTicket
    SeeCustomField ModifyCustomField);
# So that the tests can make requestors the way a web form or an import would.
push @ACL, { UserId => 'agent1', Right => 'AdminUsers' };
1;
