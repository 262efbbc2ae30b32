//! The rules on Jelou's report: when it is looked for, and what it puts into fields. Neighbours: compile,
//! which checks all other keys; the report itself, `crate::report`.

use super::{
    REPORT_AFTER, Report, Span, TicketSpec, compile::Compiler, engine::Rule, names::Scope,
};
use std::{collections::BTreeMap, time::Duration};

/// Most looks for a report: each is a read, and what is not there after so many will not come.
const LOOKS_MAX: usize = 10;

impl Compiler<'_> {
    /// When the report is looked for, and what it puts into fields.
    pub(super) fn report(&mut self, spec: &TicketSpec) -> (Vec<Duration>, BTreeMap<String, Rule>) {
        let by_default = || REPORT_AFTER.to_vec();
        let after = spec.report_after.clone().unwrap_or_else(by_default);
        let after: Vec<Duration> = after.into_iter().map(Span::duration).collect();
        let grows = after.is_sorted_by(|a, b| a < b);
        if after.is_empty() || after.len() > LOOKS_MAX || !grows {
            self.problem(
                "ticket.report_after".to_owned(),
                &format!(
                    "it is no list of 1 to {LOOKS_MAX} moments, each later than the one before"
                ),
                "write report_after = [\"5m\", \"1h\", \"24h\"], or leave it out",
            );
        }
        let fields = &spec.report_fields;
        let wanted = spec.report == Report::Fields;
        if wanted && fields.is_empty() {
            self.problem(
                "ticket.report".to_owned(),
                "\"fields\" has nothing to write",
                "add report_fields = { NAME = \"{{ report.operator }}\" }, or write \"note\"",
            );
        }
        if !wanted && !fields.is_empty() {
            self.problem(
                "ticket.report_fields".to_owned(),
                "it is used with report = \"fields\" alone",
                "write report = \"fields\", or take it away",
            );
        }
        self.field_names("ticket.report_fields", fields);
        let fields = self.pairs("ticket.report_fields", fields, Scope::Report);
        (after, fields)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        ids::ConversationId,
        mapping::{Mapping, compile},
        report::Attended,
        text::Text,
        ticket::{Status, Vocabulary},
    };
    use serde_json::{Value, json};
    use std::time::Duration;

    fn compiled(ticket: Value) -> Result<Mapping, Vec<String>> {
        let words = Vocabulary {
            statuses: vec![Status::new("open")],
            solved: vec![],
            final_: vec![],
            reopened: Status::new("open"),
            open_ended: false,
            fields: Some(vec!["attended_by".to_owned(), "waited".to_owned()]),
        };
        let spec = serde_json::from_value(json!({"ticket": ticket})).unwrap();
        compile(&spec, &words).map_err(|problems| {
            let told = problems.into_iter();
            told.map(|p| format!("{}: {}: {}", p.key, p.what, p.remedy))
                .collect()
        })
    }

    fn problem(ticket: Value) -> String {
        compiled(ticket).unwrap_err().join("\n")
    }

    fn row() -> Attended {
        Attended {
            conversation: ConversationId::parse("c1").unwrap(),
            user: None,
            bot_name: None,
            operator: Some(Text::from("Rui Costa")),
            team: None,
            state: None,
            ended_reason: None,
            origin: None,
            started_at: None,
            ended_at: None,
            first_reply: Some(Duration::from_millis(795_880)),
            duration: None,
        }
    }

    #[test]
    fn by_default_it_is_looked_for_after_five_minutes_an_hour_and_a_day() {
        let mapping = compiled(json!({"report": "note"})).unwrap();
        let after = mapping.report_after.iter().map(Duration::as_secs);
        assert_eq!(after.collect::<Vec<_>>(), [300, 3_600, 86_400]);
    }

    #[test]
    fn moments_that_do_not_grow_are_refused() {
        for after in [
            json!([]),
            json!(["1h", "5m"]),
            json!(["5m", "5m"]),
            json!(vec!["1s"; 11]),
        ] {
            let told = problem(json!({"report": "note", "report_after": after}));
            assert!(
                told.starts_with("ticket.report_after: it is no list of 1 to 10"),
                "{told}"
            );
        }
    }

    #[test]
    fn fields_are_written_by_rules_of_their_own_and_empty_ones_are_left_out() {
        let mapping = compiled(json!({"report": "fields", "report_fields": {
            "attended_by": "{{ report.operator }}", "waited": "{{ report.team }}",
        }}));
        let fields = mapping.unwrap().report_fields(&row()).unwrap();
        let told: Vec<_> = fields
            .iter()
            .map(|(name, text)| (name.as_str(), text.reveal()))
            .collect();
        assert_eq!(told, [("attended_by", "Rui Costa")]);
        let seconds = compiled(json!({"report": "fields", "report_fields": {
            "waited": "{{ report.first_reply // 60 ~ ' min' if report.first_reply is not none }}",
        }}));
        let fields = seconds.unwrap().report_fields(&row()).unwrap();
        assert_eq!(fields["waited"].reveal(), "13 min");
    }

    #[test]
    fn fields_that_the_profile_does_not_know_and_names_that_are_none_are_told_of() {
        let told = problem(json!({"report": "fields", "report_fields": {
            "attended": "{{ report.operatr }}",
        }}));
        assert_eq!(
            told,
            "ticket.report_fields.attended: the profile knows no field attended: did you mean attended_by?\n\
             ticket.report_fields.attended: there is no name report.operatr here: did you mean report.operator?"
        );
    }

    #[test]
    fn fields_and_the_wish_for_them_need_each_other() {
        let none = problem(json!({"report": "fields"}));
        assert!(
            none.starts_with("ticket.report: \"fields\" has nothing to write"),
            "{none}"
        );
        let unasked = problem(json!({"report_fields": {"waited": "x"}}));
        assert!(
            unasked.starts_with("ticket.report_fields: it is used with"),
            "{unasked}"
        );
    }
}
