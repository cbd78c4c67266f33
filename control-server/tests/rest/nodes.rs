//! `/api/v1/nodes`

use crate::support::Api;

#[tokio::test]
async fn no_node_is_connected_at_first() {
    let answer = Api::start().await.get("/api/v1/nodes").await.expect(200);
    assert!(answer.items().is_empty());
    assert!(answer.json["next_cursor"].is_null());
}
