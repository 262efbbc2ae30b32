//! Who takes part, and how each side spells them: one number tells customer, ticket and poison.
//! Neighbours: `load`, which lets them write; `desk`, which knows them again by the same number.

/// Customers are told apart by the last eight digits of a Brazilian mobile number.
const FIRST: usize = 10_000_000;

/// Tickets that the helpdesk makes for customers are numbered from here.
const TICKETS: usize = 1_000;

/// Canaries are customers, and their tickets tickets, from here on.
pub const CANARIES: usize = 5_000_000;

/// One in so many is poisoned, where a stretch has poison at all.
const POISON_ONE_IN: usize = 100;

/// What the helpdesk does with the calls of one customer, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// It refuses to make their ticket: that is parked.
    Refused,
    /// It breaks whenever it is to make their ticket: that is tried again and again.
    Breaks,
}

/// The customer as Jelou spells them.
#[must_use]
pub fn user(number: usize) -> String {
    format!("55119{:08}", FIRST + number)
}

/// The number of the customer who is spelled so; a `+` before it does not matter.
#[must_use]
pub fn number_of(user: &str) -> Option<usize> {
    let digits = user.trim_start_matches('+').strip_prefix("55119")?;
    digits.parse::<usize>().ok()?.checked_sub(FIRST)
}

/// The ticket of a customer.
#[must_use]
pub fn ticket(number: usize) -> String {
    (TICKETS + number).to_string()
}

/// Whose ticket it is.
#[must_use]
pub fn customer_of(ticket: &str) -> Option<usize> {
    ticket.parse::<usize>().ok()?.checked_sub(TICKETS)
}

/// Every hundredth customer, alternately of one kind and the other.
#[must_use]
pub fn poison(number: usize) -> Option<Poison> {
    match (number % POISON_ONE_IN, number / POISON_ONE_IN % 2) {
        (50, 0) => Some(Poison::Refused),
        (50, _) => Some(Poison::Breaks),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_known_again_by_every_spelling() {
        for number in [0, 7, 99_999, CANARIES + 3] {
            assert_eq!(number_of(&user(number)), Some(number));
            assert_eq!(number_of(&format!("+{}", user(number))), Some(number));
            assert_eq!(customer_of(&ticket(number)), Some(number));
        }
    }

    #[test]
    fn one_customer_in_a_hundred_is_poisoned_half_of_them_each_way() {
        let count = |kind| (0..10_000).filter(|n| poison(*n) == Some(kind)).count();
        assert_eq!((count(Poison::Refused), count(Poison::Breaks)), (50, 50));
    }
}
