//! Kept answers over a real connection.

use super::*;
use crate::cache::{CacheStats, KEY_BYTES};
use crate::domain::cache::TTL_S_MAX;

type Client = SyncClient<Channel>;

impl Fixture {
    /// As a node that takes the largest answer.
    fn client(&self) -> Client {
        SyncClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}

async fn get(client: &mut Client, key: &[u8], token: &str) -> Result<Option<v1::CachedAnswer>, Status> {
    let request = with_token(v1::CacheGetRequest { key: key.to_vec() }, token);
    client.cache_get(request).await.map(|response| response.into_inner().answer)
}

async fn put(client: &mut Client, request: v1::CachePutRequest, token: &str) -> Result<(), Status> {
    client.cache_put(with_token(request, token)).await.map(|_| ())
}

fn answer(body: usize) -> v1::CachedAnswer {
    let usage = v1::Usage {
        input_tokens: 7,
        cached_input_tokens: 1,
        cache_write_tokens: 2,
        output_tokens: 3,
        reasoning_tokens: 4,
        estimated: true,
        raw: "{}".to_owned(),
    };
    v1::CachedAnswer {
        body: vec![b'x'; body],
        provider: "p".to_owned(),
        model: "m".to_owned(),
        usage: Some(usage),
        stored_at_unix_ms: 1_767_225_600_000,
    }
}

fn request(key: &[u8], body: usize) -> v1::CachePutRequest {
    v1::CachePutRequest { key: key.to_vec(), answer: Some(answer(body)), ttl_s: 60 }
}

#[tokio::test]
async fn what_one_node_put_another_gets() {
    let fixture = Fixture::start().await;
    let (mut one, mut other) = (fixture.client(), fixture.client());
    let (key, other_key) = ([1; KEY_BYTES], [2; KEY_BYTES]);
    assert_eq!(get(&mut one, &key, NODE_TOKEN).await.unwrap(), None);
    put(&mut one, request(&key, 1_000), NODE_TOKEN).await.unwrap();
    assert_eq!(get(&mut other, &key, NODE_TOKEN).await.unwrap(), Some(answer(1_000)));
    assert_eq!(get(&mut other, &other_key, NODE_TOKEN).await.unwrap(), None);
    let CacheStats { hits, misses, entries, .. } = fixture.cache.stats();
    assert_eq!((hits, misses, entries), (1, 2, 1));

    let without_usage = v1::CachedAnswer { usage: None, ..answer(ENTRY_BYTES_MAX - 2) };
    let large = v1::CachePutRequest { key: key.to_vec(), answer: Some(without_usage.clone()), ttl_s: TTL_S_MAX };
    put(&mut one, large, NODE_TOKEN).await.unwrap();
    let got = get(&mut other, &key, NODE_TOKEN).await.unwrap();
    assert!(got == Some(without_usage), "the largest that may be kept, in place of the first");
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time() {
    let fixture = Fixture::start().await;
    let mut client = fixture.client();
    let key = [1; KEY_BYTES];
    put(&mut client, v1::CachePutRequest { ttl_s: 1, ..request(&key, 10) }, NODE_TOKEN).await.unwrap();
    assert!(get(&mut client, &key, NODE_TOKEN).await.unwrap().is_some());
    let gone = async {
        while get(&mut client, &key, NODE_TOKEN).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let fixture = Fixture::start().await;
    let mut client = fixture.client();
    let key = [1; KEY_BYTES];
    for wrong in [&key[1..], &[], &[1; KEY_BYTES + 1]] {
        assert_eq!(get(&mut client, wrong, NODE_TOKEN).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let rows = [
        (request(&key[1..], 10), "a key has 32 bytes, not 31"),
        (v1::CachePutRequest { answer: None, ..request(&key, 10) }, "there is no answer to keep"),
        (v1::CachePutRequest { ttl_s: 0, ..request(&key, 10) }, "an answer is kept for 1 to 86400 seconds, not 0"),
        (
            v1::CachePutRequest { ttl_s: TTL_S_MAX + 1, ..request(&key, 10) },
            "an answer is kept for 1 to 86400 seconds, not 86401",
        ),
        (request(&key, ENTRY_BYTES_MAX), "an answer has at most 4194304 bytes, not 4194308"),
    ];
    for (request, message) in rows {
        let status = put(&mut client, request, NODE_TOKEN).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, message));
    }
    let status = put(&mut client, request(&key, MESSAGE_BYTES_MAX), NODE_TOKEN).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "it is not even read");
    assert_eq!(get(&mut client, &key, NODE_TOKEN).await.unwrap(), None, "and the connection goes on");
}

#[tokio::test]
async fn only_nodes_have_kept_answers() {
    let fixture = Fixture::start().await;
    let mut client = fixture.client();
    let key = [1; KEY_BYTES];
    put(&mut client, request(&key, 10), NODE_TOKEN).await.unwrap();
    for (token, code) in [(ADMIN_TOKEN, Code::PermissionDenied), ("", Code::Unauthenticated)] {
        assert_eq!(get(&mut client, &key, token).await.unwrap_err().code(), code);
        assert_eq!(put(&mut client, request(&key, 20), token).await.unwrap_err().code(), code);
    }
    assert_eq!(get(&mut client, &key, NODE_TOKEN).await.unwrap(), Some(answer(10)));
}
