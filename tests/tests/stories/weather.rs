//! Everybody writes at once while webhooks are lost, doubled and overtaken. Neighbour: `campaign talk`,
//! which plays the same in full.

use bridge_tests::campaign::talk::{self, Size};

#[tokio::test(flavor = "multi_thread")]
async fn in_bad_weather_all_that_is_written_comes_over_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let size = Size {
        conversations: 6,
        each: 10,
    };
    let report = talk::play(folder.path(), size, 7).await.unwrap();
    assert_eq!(report.broken(), [""; 0], "{report}");
    let (made, lost, twice) = report.webhooks;
    assert!(made > 200 && lost > 0 && twice > 0, "{report}");
    assert_eq!(
        (report.to_ticket.written, report.to_customer.written),
        (60, 60)
    );
}
