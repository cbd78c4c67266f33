//! `/api/v1/sessions`

use crate::support::Api;

#[tokio::test]
async fn the_default_session_is_there() {
    let api = Api::start().await;
    let listed = api.get("/api/v1/sessions").await.expect(200);
    assert_eq!(listed.items().len(), 1);
    let session = api.get("/api/v1/sessions/default").await.expect(200).json;
    assert_eq!(listed.items()[0], session);
    assert_eq!(session["id"], "default");
    assert_eq!(session["active_workspace"], "default");
    assert!(session["last_update"].as_str().unwrap().ends_with('Z'));
    assert!(session["last_seen"].is_null());
    api.get("/api/v1/sessions/other").await.expect_problem(404, "not_found");
}
