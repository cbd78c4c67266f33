//! Commands against the real API.

use serde_json::json;

use crate::support::Real;

#[tokio::test]
async fn a_workspace_from_its_rules_to_its_use() {
    let real = Real::start().await;
    real.place.write("rules.yaml", "- name: md\n  when: { file: \"*.md\" }\n  target: p/m\n- target: requested\n");
    real.run(&["workspace", "create", "Docs", "--rules", "rules.yaml"])
        .await
        .expect(0)
        .says(&["workspace docs created (revision "]);
    real.run(&["workspace", "activate", "docs"]).await.expect(0).says(&["workspace docs is active in session default"]);
    real.run(&["workspace", "list"]).await.expect(0).says(&["docs", "default"]);
    real.run(&["rules", "show", "docs"]).await.expect(0).says(&["file *.md", "p/m", "requested"]);
    let shown = real.run(&["rules", "show", "docs", "--json"]).await.expect(0);
    real.place.run_with(&["rules", "set", "docs", "-f", "-"], &shown.stdout).await.expect(0).says(&["has 2 rules"]);
    let again = real.run(&["rules", "show", "docs", "--json"]).await.expect(0);
    assert_eq!(shown.json(), again.json());
    let session = real.run(&["session", "show", "default", "--json"]).await.expect(0).json();
    assert_eq!(session["active_workspace"], "docs");
    real.run(&["status"]).await.expect(0).says(&["ready, revision", "unreachable", "default"]);
}

#[tokio::test]
async fn refusals_name_the_field() {
    let real = Real::start().await;
    real.run(&["workspace", "create", "docs"]).await.expect(0);
    real.run(&["workspace", "create", "docs"]).await.expect(1).complains(&["docs"]);
    real.place.write("rules.json", &json!([{"target": "p/m"}, {"target": "q/m"}]).to_string());
    let run = real.run(&["rules", "set", "docs", "-f", "rules.json"]).await.expect(1);
    run.complains(&["muxspace: /1/target: "]);
    real.run(&["rules", "show", "docs"]).await.expect(0).says(&["there are no rules"]);
    real.run(&["workspace", "show", "gone"]).await.expect(1).complains(&["gone"]);
}

#[tokio::test]
async fn providers_come_and_go() {
    let real = Real::start().await;
    real.run(&["provider", "list"]).await.expect(0).says(&["http://127.0.0.1:9/v1", "unreachable"]);
    real.run(&["provider", "models", "p"]).await.expect(0).says(&["no models are known"]);
    real.run(&["provider", "refresh", "p"]).await.expect(1).complains(&["does not answer"]);
    real.place.write("rules.yaml", "- name: all\n  target: p/m\n");
    real.run(&["workspace", "create", "docs", "--rules", "rules.yaml"]).await.expect(0);
    real.run(&["provider", "remove", "p"]).await.expect(1).complains(&["used by rule all of workspace docs"]);
    real.run(&["provider", "remove", "p", "--force", "--yes"]).await.expect(0);
    real.run(&["rules", "show", "docs"]).await.expect(0).says(&["broken"]);
    let refused =
        ["provider", "add", "q", "--type", "openai", "--endpoint", "http://127.0.0.1:9/v1", "--require-reachable"];
    real.run(&refused).await.expect(1);
    assert_eq!(real.run(&["provider", "list", "--json"]).await.expect(0).json()["items"], json!([]));
}
