//! `/openapi.json`: a change of the API shows as a change of the stored description.

use crate::support::Api;

#[tokio::test]
async fn the_description_is_the_stored_one() {
    let api = Api::start().await;
    let answer = api.get("/openapi.json").await.expect(200);
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    assert_eq!(text, muxspace::rest::openapi_json().unwrap());
    insta::assert_snapshot!("openapi", text);
}

#[tokio::test]
async fn every_described_path_is_routed() {
    let api = Api::start().await;
    // So that streams end at once.
    api.publisher.close();
    let description = api.get("/openapi.json").await.json;
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() > 10);
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let path = path
                .replace("{name}", "default")
                .replace("{id}", "default")
                .replace("{provider}", "default")
                .replace("{alias}", "default")
                .replace("{deployment}", "default");
            let answer = api.raw(&method.to_uppercase(), &path, "").await;
            let detail = answer.json["detail"].as_str().unwrap_or_default();
            assert!(!detail.contains("/openapi.json"), "{method} {path} is not routed");
            assert_ne!(answer.status.as_u16(), 405, "{method} {path}");
        }
    }
}
