//! `muxspace model` and `muxspace deployment`

use serde_json::{Value, json};

use crate::support::{Fake, Real, list};

#[tokio::test]
async fn models_are_written_as_they_are_said() {
    let one = json!({"alias": "fast", "model": "p/m", "enabled": true, "requests_per_minute": null});
    let fake = Fake::start(&[
        ("POST /workspaces/docs/models", 201, one.clone()),
        ("POST /workspaces/default/models", 201, one.clone()),
        ("PATCH /workspaces/docs/models/fast", 200, one.clone()),
        ("DELETE /workspaces/docs/models/fast", 204, json!(null)),
    ])
    .await;
    let rows: [(&str, &str, Value); 6] = [
        (
            "add fast p/m -w docs",
            "POST /workspaces/docs/models",
            json!({"alias": "fast", "model": "p/m", "enabled": true}),
        ),
        (
            "add fast p/m --disabled --requests-per-minute 5",
            "POST /workspaces/default/models",
            json!({"alias": "fast", "model": "p/m", "enabled": false, "requests_per_minute": 5}),
        ),
        ("enable fast -w docs", "PATCH /workspaces/docs/models/fast", json!({"enabled": true})),
        ("disable fast --workspace docs", "PATCH /workspaces/docs/models/fast", json!({"enabled": false})),
        ("remove fast -w docs", "DELETE /workspaces/docs/models/fast", json!(null)),
        ("remove fast -w docs --force --yes", "DELETE /workspaces/docs/models/fast", json!(null)),
    ];
    for (line, call, body) in rows {
        let words: Vec<&str> = std::iter::once("model").chain(line.split(' ')).collect();
        fake.run(&words).await.expect(0).says(&["fast", "(revision 7)"]);
        let query = if line.contains("--force") { "force=true&wait=applied" } else { "wait=applied" };
        assert_eq!(fake.writes().pop().unwrap(), format!("{call}?{query}"));
        assert_eq!(fake.last_body(), body, "{line}");
    }
    fake.run(&["model", "remove", "fast", "-w", "docs", "--force"]).await.expect(2).complains(&["--yes"]);
    fake.run(&["model", "add", "fast"]).await.expect(2);
}

#[tokio::test]
async fn deployments_are_written_as_they_are_said() {
    let fake = Fake::start(&[
        ("POST /workspaces/docs/deployments", 201, json!({"name": "d"})),
        ("DELETE /workspaces/docs/deployments/d", 204, json!(null)),
    ])
    .await;
    let rows = [
        ("--target a --target b", json!({"targets": [{"model": "a"}, {"model": "b"}]})),
        (
            "--policy weighted --target Llama3.1:8b=9 --target b=1 --retry-on 429,503 --try-timeout-ms 800",
            json!({"policy": "weighted", "targets": [{"model": "Llama3.1:8b", "weight": 9}, {"model": "b", "weight": 1}],
                "retry_on": [429, 503], "try_timeout_ms": 800}),
        ),
        ("--policy round_robin --target a", json!({"policy": "round_robin", "targets": [{"model": "a"}]})),
    ];
    for (line, more) in rows {
        let words: Vec<&str> = ["deployment", "add", "d", "-w", "docs"].into_iter().chain(line.split(' ')).collect();
        fake.run(&words).await.expect(0).says(&["workspace docs has deployment d (revision 7)"]);
        let mut expected = json!({"name": "d"});
        expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(fake.last_body(), expected, "{line}");
    }
    fake.run(&["deployment", "remove", "d", "-w", "docs"]).await.expect(0).says(&["deployment d", "removed"]);
    fake.run(&["deployment", "add", "d", "-w", "docs"]).await.expect(2).complains(&["--target"]);
    let words = ["deployment", "add", "d", "--target", "a=much"];
    fake.run(&words).await.expect(2).complains(&["`much` is no weight"]);
}

#[tokio::test]
async fn lists_tell_what_is_off_or_broken() {
    let models = list(json!([
        {"alias": "a", "model": "p/a", "enabled": true, "requests_per_minute": 60},
        {"alias": "b", "model": "p/b", "enabled": false, "requests_per_minute": null},
        {"alias": "c", "model": "q/c", "enabled": true, "requests_per_minute": null, "broken": true},
    ]));
    let deployments = list(json!([
        {"name": "d", "policy": "ordered", "targets": [{"model": "a", "weight": 1}, {"model": "c", "weight": 1, "broken": true}]},
        {"name": "e", "policy": "weighted", "targets": [{"model": "a", "weight": 9}]},
    ]));
    let fake = Fake::start(&[
        ("GET /workspaces/default/models", 200, models.clone()),
        ("GET /workspaces/default/deployments", 200, deployments.clone()),
    ])
    .await;
    let run = fake.run(&["model", "list"]).await.expect(0);
    let rows: Vec<String> =
        run.stdout.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(rows, ["a p/a on 60", "b p/b off -", "c q/c broken: its provider is gone -"]);
    fake.run(&["deployment", "list"]).await.expect(0).says(&["a, c (broken)", "a=9"]);
    for (words, expected) in [(["model", "list", "--json"], models), (["deployment", "list", "--json"], deployments)] {
        assert_eq!(fake.run(&words).await.expect(0).stdout, format!("{expected}\n"));
    }
}

#[tokio::test]
async fn the_real_api_takes_them_and_refuses_what_is_used() {
    let real = Real::start().await;
    real.run(&["model", "add", "fast", "p/m"]).await.expect(0);
    real.run(&["deployment", "add", "d", "--target", "fast"]).await.expect(0);
    let refused = real.run(&["model", "remove", "fast"]).await.expect(1);
    refused.complains(&["used by deployment d of workspace default"]);
    real.run(&["provider", "remove", "p"]).await.expect(1).complains(&["used by model fast of workspace default"]);
    real.run(&["model", "disable", "fast"]).await.expect(0);
    real.run(&["model", "list"]).await.expect(0).says(&["off"]);
    let refused = real.run(&["deployment", "add", "e", "--target", "none"]).await.expect(1);
    refused.complains(&["/targets/0/model"]);
    real.run(&["deployment", "remove", "d"]).await.expect(0);
    real.run(&["model", "remove", "fast"]).await.expect(0);
    real.run(&["model", "list"]).await.expect(0).says(&["the collection is empty"]);
}
