# What the bridge needs inside Request Tracker 5: a queue, a custom field, a user with the rights it
# uses, and a scrip that posts a signed webhook. README.md beside this file says how to load it.
#
# It may be loaded again at any time: what is there stays, and the scrip gets the code of this file.
# Names come from the environment of the loading command, secrets from RT's configuration at run
# time; none is written here.
use strict;
use warnings;

our ( @Users, @Queues, @CustomFields, @ACL, @Scrips, @Final );

my $queue_name = $ENV{RT_BRIDGE_QUEUE} || 'WhatsApp';
my $user_name  = $ENV{RT_BRIDGE_USER}  || 'bridge';
my $field_name = 'ConversationId';
my $scrip_name = "Jelou bridge: signed webhook for $queue_name";

my $queue = RT::Queue->new( RT->SystemUser );
$queue->Load($queue_name);
push @Queues, { Name => $queue_name, Description => 'Tickets of conversations' } unless $queue->Id;

# The link field. It is one line of text, because RT finds tickets by it: CF.{ConversationId} = '...'
my $field = RT::CustomField->new( RT->SystemUser );
$field->LoadByName( Name => $field_name, ObjectId => $queue->Id, IncludeGlobal => 1,
    LookupType => 'RT::Queue-RT::Ticket' ) if $queue->Id;
push @CustomFields, {
    Name => $field_name, Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket',
    Queue => [$queue_name], Description => 'The Jelou conversation of this ticket; the bridge writes it',
} unless $field->Id;

# No password: the bridge logs in with a token. Privileged, or it could not read requestors' phones.
my $user = RT::User->new( RT->SystemUser );
$user->Load($user_name);
push @Users, { Name => $user_name, RealName => 'Jelou bridge', Privileged => 1 } unless $user->Id;

# On the queue alone, what its calls need. AdminUsers is global, because RT has no smaller right to
# make a requestor from a phone number; README.md says what to do without it.
my @queue_rights = qw(SeeQueue ShowTicket ShowTicketComments CreateTicket ReplyToTicket
    CommentOnTicket ModifyTicket SeeCustomField ModifyCustomField SetInitialCustomField);
push @ACL, map { { UserId => $user_name, Queue => $queue_name, Right => $_ } }
    grep { !granted( $_, $queue ) } @queue_rights;
push @ACL, { UserId => $user_name, Right => 'AdminUsers' }
    unless $ENV{RT_BRIDGE_WITHOUT_ADMINUSERS} || granted( 'AdminUsers', RT->System );

sub granted {
    my ( $right, $object ) = @_;
    return 0 unless $user->Id && $object->Id;
    return $user->HasRight( Right => $right, Object => $object );
}

# The code of the scrip. It runs once per request to RT, after the database's commit (stage
# TransactionBatch; at the other stage RT would post from inside its own transaction), and it never
# makes a request fail or last longer than the timeout: a lost webhook is found by the bridge's sweep.
my $webhook = <<'CODE';
my $setting = sub {
    my ( $option, $variable ) = @_;
    return RT->Config->Get($option) // $ENV{$variable};
};
my $url    = $setting->( 'BridgeWebhookURL',    'RT_WEBHOOK_URL' )    or return 1;
my $secret = $setting->( 'BridgeWebhookSecret', 'RT_WEBHOOK_SECRET' );
unless ( defined $secret && length $secret ) {
    RT->Logger->error('Jelou bridge: BridgeWebhookURL is set and BridgeWebhookSecret is not; nothing is sent');
    return 1;
}
my $timeout = int( $setting->( 'BridgeWebhookTimeout', 'RT_WEBHOOK_TIMEOUT' ) || 3 );

my $tell = sub {
    require Digest::SHA; require JSON; require LWP::UserAgent;
    # Mail that RT sent is bookkeeping and no change of the ticket.
    my @batch = grep { $_->Type !~ /EmailRecord$/ } @{ $self->TicketObj->TransactionBatch || [] };
    return unless @batch;
    # Not TicketObj->Id: after a merge that is the other ticket.
    my $id = $batch[0]->ObjectId;

    # The number is read before the ticket: the state shown is never older than its number says.
    my $last = RT::Transactions->new( RT->SystemUser );
    $last->Limit( FIELD => 'ObjectType', VALUE => 'RT::Ticket' );
    $last->Limit( FIELD => 'ObjectId',   VALUE => $id );
    $last->OrderByCols( { FIELD => 'id', ORDER => 'DESC' } );
    $last->RowsPerPage(1);
    my $number = $last->First ? $last->First->Id : $batch[-1]->Id;
    my $ticket = RT::Ticket->new( RT->SystemUser );
    $ticket->LoadById($id);

    my $time = sub { $_[0]->Unix > 0 ? $_[0]->W3CDTF( Timezone => 'UTC' ) : undef };
    my $text = sub { defined $_[0] && length $_[0] ? "$_[0]" : undef };
    my %fields;
    my $all = $ticket->CustomFields;
    while ( my $field = $all->Next ) {
        my @values = map { $_->Content } @{ $ticket->CustomFieldValues( $field->Id )->ItemsArrayRef };
        $fields{ $field->Name } = $field->SingleValue ? $values[0] : \@values;
    }
    my ($person) = @{ $ticket->Requestors->UserMembersObj->ItemsArrayRef };
    # RT records a custom field by its number; people and rules know it by its name.
    my $field_of = sub {
        my ($transaction) = @_;
        return $text->( $transaction->Field ) unless $transaction->Type eq 'CustomField';
        my $field = RT::CustomField->new( RT->SystemUser );
        $field->Load( $transaction->Field );
        return $text->( $field->Name ) // $text->( $transaction->Field );
    };
    my @events = map {
        my %event = (
            transaction_id => $_->Id + 0, type => $_->Type, field => $field_of->($_),
            old_value => $_->OldValue, new_value => $_->NewValue,
            creator => $_->CreatorObj->Name, created => $time->( $_->CreatedObj ),
        );
        if ( $_->Type =~ /^(?:Create|Correspond|Comment)$/ ) {
            $event{content} = $_->Content( Type => 'text/plain' );
            $event{public}  = $_->Type eq 'Comment' ? JSON::false() : JSON::true();
            $event{files}   = [
                map { { name => $_->Filename, type => $_->ContentType } }
                grep { defined $_->Filename && length $_->Filename } @{ $_->Attachments->ItemsArrayRef }
            ];
        }
        \%event;
    } @batch;
    my $merged = $ticket->EffectiveId != $ticket->Id;
    my $body = JSON->new->utf8->canonical->encode( {
        transaction_id => $number + 0,
        ticket => {
            id => $ticket->Id + 0, subject => $ticket->Subject, status => $ticket->Status,
            queue => $ticket->QueueObj->Name, priority => ( $ticket->Priority || 0 ) + 0,
            owner => $ticket->OwnerObj->Name,
            requestor => $person && {
                name  => $person->Name, real_name => $text->( $person->RealName ),
                phone => $text->( $person->MobilePhone ) // $text->( $person->WorkPhone ) // $text->( $person->HomePhone ),
                email => $text->( $person->EmailAddress ),
            },
            conversation_id => $text->( $fields{ConversationId} ),
            created => $time->( $ticket->CreatedObj ), last_updated => $time->( $ticket->LastUpdatedObj ),
            fields  => \%fields, merged_into => $merged ? $ticket->EffectiveId + 0 : undef,
        },
        events => \@events,
    } );

    my $now   = time;
    my $agent = LWP::UserAgent->new( timeout => $timeout, env_proxy => 0, max_redirect => 0, max_size => 65536 );
    my $answer = $agent->post( $url,
        'Content-Type'   => 'application/json',
        'X-RT-Timestamp' => $now,
        'X-RT-Signature' => 'sha256=' . Digest::SHA::hmac_sha256_hex( "$now.$body", $secret ),
        # One batch, one id: transactions are numbered once in all of RT.
        'X-RT-Delivery'  => join( '-', $batch[0]->Id, $batch[-1]->Id ),
        Content          => $body );
    RT->Logger->error( "Jelou bridge: the webhook for ticket $id was answered " . $answer->status_line )
        unless $answer->is_success;
};
# LWP's timeout counts from byte to byte; the alarm ends a receiver that drips.
eval {
    local $SIG{ALRM} = sub { die "no answer within $timeout s\n" };
    alarm $timeout;
    $tell->();
    alarm 0;
    1;
} or do {
    my $why = $@;
    alarm 0;
    RT->Logger->error("Jelou bridge: the webhook was not sent: $why");
};
1;
CODE

my $old = scrip();
push @Scrips, {
    Description => $scrip_name, Queue => $queue_name, Stage => 'TransactionBatch',
    ScripCondition => 'User Defined', ScripAction => 'User Defined', Template => 'Blank',
    CustomIsApplicableCode => '1;', CustomPrepareCode => '1;', CustomCommitCode => $webhook,
} unless $old;
push @Final, sub {
    return unless $old && $old->CustomCommitCode ne $webhook;
    my ( $ok, $why ) = $old->SetCustomCommitCode($webhook);
    RT->Logger->error("Jelou bridge: the scrip was not renewed: $why") unless $ok;
};

sub scrip {
    my $all = RT::Scrips->new( RT->SystemUser );
    $all->Limit( FIELD => 'Description', VALUE => $scrip_name );
    return $all->First;
}

1;
