//! What operators, probes and Prometheus meet.

use super::*;

#[tokio::test]
async fn health_and_metrics_need_no_token() {
    let world = world().await;
    let _working = world.workers.begin("workers");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(world.get(path, &[]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn ready_means_that_the_workers_live_and_the_database_answers() {
    let world = world().await;
    let before = world.get("/readyz", &[]).await;
    assert_eq!(before.status, 503, "nobody has begun");
    assert!(
        before
            .body
            .contains(r#""workers":{"workers":"not running"}"#),
        "{}",
        before.body
    );
    let working = world.workers.begin("workers");
    let ready = world.get("/readyz", &[]).await;
    let parts = r#"{"ready":true,"database":"ok","workers":{"workers":"ok"}}"#;
    assert_eq!((ready.status, ready.body.as_str()), (200, parts));
    drop(working);
    assert_eq!(world.get("/readyz", &[]).await.status, 503, "a worker died");
}

#[tokio::test]
async fn a_process_without_its_database_lives_and_is_not_ready() {
    let world = world().await;
    let _working = world.workers.begin("workers");
    world.store.close().await;
    let answer = world.get("/readyz", &[]).await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.contains("the database was closed"),
        "{}",
        answer.body
    );
    assert_eq!(world.get("/healthz", &[]).await.status, 200);
    // What this process counted is wanted most now.
    assert!(!world.scrape().await.is_empty());
}

#[tokio::test]
async fn a_scrape_tells_what_came_in_and_what_waits() {
    let world = world().await;
    assert_eq!(world.jelou_says(b"{}").await.status, 200);
    let answer = world.get("/metrics", &[]).await;
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let samples = crate::metrics::tests::read(&answer.body);
    // A metric's series come in no order: one stage has it, the other none.
    let values = |name: &str| -> Vec<f64> {
        let named = samples.iter().filter(|s| s.name == name);
        named.map(|s| s.value).collect()
    };
    let sum = |name: &str| values(name).iter().sum::<f64>();
    assert!(sum("jelou_bridge_deliveries_total") > 0.5);
    assert!(sum("jelou_bridge_unsettled_deliveries") > 0.5);
    let ages = values("jelou_bridge_oldest_unsettled_seconds");
    assert!(!ages.is_empty() && ages.iter().all(|age| *age < 60.0));
    assert!(sum("jelou_bridge_ingest_seconds_count") > 0.5);
}

#[tokio::test]
async fn all_of_the_api_needs_the_token_and_says_how_to_send_it() {
    let world = world().await;
    let wrong: [&[(&str, &str)]; 5] = [
        &[],
        &[("Authorization", "Bearer wrong")],
        &[("Authorization", "Bearer ")],
        &[("Authorization", "Basic adm1n")],
        &[
            ("Authorization", "Bearer adm1n"),
            ("Authorization", "Bearer x"),
        ],
    ];
    for path in ["/api", "/api/", "/api/v1/links", "/api/v1/nothing"] {
        for headers in wrong {
            let answer = world.get(path, headers).await;
            assert_eq!(answer.status, 401, "{path} {headers:?}");
            let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert!(
                told["remedy"].as_str().unwrap().contains("Bearer"),
                "{told}"
            );
            assert!(!answer.body.contains(TOKEN));
        }
    }
    let right = [("Authorization", "bearer adm1n")];
    let answer = world.get("/api/v1/links", &right).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#""links""#));
    assert_eq!(world.get("/api/v1/nothing", &right).await.status, 404);
}

#[tokio::test]
async fn without_a_configured_token_the_api_is_closed_and_names_the_key() {
    let world = world().await;
    let open = CONFIG.replace("admin_token = \"adm1n\"", "");
    world.config.send_replace(config(&open));
    for headers in [
        &[][..],
        &[("Authorization", "Bearer adm1n")],
        &[("Authorization", "Bearer ")],
    ] {
        let answer = world.get("/api/v1/links", headers).await;
        assert_eq!(answer.status, 401);
        assert!(
            answer.body.contains("server.admin_token"),
            "{}",
            answer.body
        );
    }
}
