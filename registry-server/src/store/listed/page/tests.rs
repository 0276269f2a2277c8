//! Where walks begin, what the database makes of that, and what pages have.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::Execute as _;
use tempfile::TempDir;

use super::*;

const NAMES: [&str; 7] = [
    "com.acme-labs/a",
    "com.acme-labs/z",
    "com.acme.eu/a",
    "com.acme/a",
    "com.acme/b",
    "com.acme0/a",
    "org.acme/a",
];

/// Each name in two versions, the second of all of them later; one at each second.
async fn filled() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("db"), Duration::from_secs(5)).await.unwrap();
    for (id, name) in (1_i64..).zip(NAMES) {
        sqlx::query("insert into server_name (name_id, name, name_key) values (?1, ?2, ?2)")
            .bind(id)
            .bind(name)
            .execute(&store.writer)
            .await
            .unwrap();
    }
    let rows = ["1.0.0", "2.0.0"].into_iter().flat_map(|it| NAMES.map(|name| (name, it)));
    for (id, (name, version)) in (1_i64..).zip(rows) {
        sqlx::query(
            "insert into server
                 (server_id, name_id, name_key, version, published_by, document, evidence,
                  status, status_changed_at, published_at, updated_at, is_latest, is_shown)
             select ?1, name_id, ?2, ?3, 'x', '{}', '{}', 'active', ?4, ?4, ?4, ?5, 1
               from server_name where name_key = ?2",
        )
        .bind(id)
        .bind(name)
        .bind(version)
        .bind(format!("2026-11-01T00:00:{id:02}Z"))
        .bind(version == "2.0.0")
        .execute(&store.writer)
        .await
        .unwrap();
    }
    (folder, store)
}

fn filter(names: &[&str]) -> ServerFilter {
    ServerFilter {
        search: String::new(),
        version: VersionFilter::All,
        since: None,
        deleted: Deleted::Hidden,
        scope: Scope { names: names.iter().map(|it| it.parse().unwrap()).collect(), sources: None },
    }
}

fn name(name_key: &str, version: &str) -> Position {
    Position::Name { name_key: name_key.into(), version: version.into() }
}

fn change(updated_at: &str, server_id: i64) -> Position {
    Position::Change { updated_at: updated_at.into(), server_id }
}

#[test]
fn a_walk_begins_in_one_place() {
    let names = |after, namespace| Walk::Names { after, namespace };
    let two = filter(&["com.acme/*", "com.acme-labs/*", "com.acme/*"]);
    let all = filter(&["com.acme/*", "*"]);
    let since = ServerFilter { since: Some("2026-11-01T00:00:03Z".into()), ..two.clone() };
    for (filter, after, expected) in [
        (&filter(&[]), None, vec![names(None, None)]),
        (&all, None, vec![names(None, None)]),
        (&all, Some(name("b", "1")), vec![names(Some(("b", "1")), None)]),
        (&two, None, vec![names(None, Some("com.acme-labs")), names(None, Some("com.acme"))]),
        (
            &two,
            Some(name("com.acme-labs/z", "1")),
            vec![
                names(Some(("com.acme-labs/z", "1")), Some("com.acme-labs")),
                names(None, Some("com.acme")),
            ],
        ),
        (&two, Some(name("com.acme-labs0", "1")), vec![names(None, Some("com.acme"))]),
        (&two, Some(name("com.acme0/a", "1")), vec![]),
        (&since, None, vec![Walk::Since("2026-11-01T00:00:03Z")]),
        (
            &since,
            Some(change("2026-11-01T00:00:03Z", 7)),
            vec![Walk::At("2026-11-01T00:00:03Z", 7), Walk::AfterTime("2026-11-01T00:00:03Z")],
        ),
        // Nobody gets more by a position of their own making.
        (
            &since,
            Some(change("2026-11-01T00:00:02Z", 7)),
            vec![Walk::Since("2026-11-01T00:00:03Z")],
        ),
    ] {
        assert_eq!(walks(filter, after.as_ref(), false), expected, "{filter:?} {after:?}");
    }
    let after = name("com.acme0/a", "1");
    let looked_up = walks(&two, Some(&after), true);
    assert_eq!(looked_up, [names(Some(("com.acme0/a", "1")), None)]);
}

/// What a database does for it is what makes the last page cost what the first does.
#[tokio::test]
async fn the_index_is_entered_where_a_walk_begins() {
    let (_folder, store) = filled().await;
    let names = |after, namespace| Walk::Names { after, namespace };
    let by_name = filter(&["com.acme/*"]);
    let latest = ServerFilter { version: VersionFilter::Latest, ..by_name.clone() };
    let since = ServerFilter { since: Some("2026".into()), ..by_name.clone() };
    for (filter, walk, expected) in [
        (&by_name, names(None, Some("a")), "server_by_name (name_key>? AND name_key<?)"),
        (
            &by_name,
            names(Some(("a", "1")), Some("a")),
            "server_by_name ((name_key,version)>(?,?) AND name_key<?)",
        ),
        (
            &latest,
            names(Some(("a", "1")), Some("a")),
            "server_latest ((name_key,version)>(?,?) AND name_key<?)",
        ),
        (&filter(&[]), names(Some(("a", "1")), None), "server_by_name ((name_key,version)>(?,?))"),
        (&since, Walk::Since("2026"), "server_by_change (updated_at>?)"),
        (&since, Walk::At("2026", 1), "server_by_change (updated_at=? AND server_id>?)"),
        (&since, Walk::AfterTime("2026"), "server_by_change (updated_at>?)"),
    ] {
        let mut query = query(filter, None, walk, 100);
        let mut query = query.build();
        let bound = query.take_arguments().unwrap().unwrap();
        let explained = format!("explain query plan {}", query.sql().as_str());
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as_with(sqlx::AssertSqlSafe(explained), bound)
                .fetch_all(&store.reader)
                .await
                .unwrap();
        let of_server = plan.iter().map(|(.., detail)| detail.as_str());
        let of_server: Vec<&str> = of_server.filter(|it| it.contains(" server ")).collect();
        assert_eq!(of_server, [format!("SEARCH server USING INDEX {expected}")], "{walk:?}");
        // Nor is anything sorted.
        assert!(!plan.iter().any(|(.., detail)| detail.contains("TEMP")), "{plan:?}");
    }
}

#[tokio::test]
async fn pages_of_any_size_have_what_one_page_has() {
    let (_folder, store) = filled().await;
    let namespaces = ["com.acme/*", "org.acme/*", "com.acme-labs/*"];
    let two = filter(&namespaces);
    let latest = ServerFilter { version: VersionFilter::Latest, ..two.clone() };
    let since = ServerFilter { since: Some("2026-11-01T00:00:02Z".into()), ..two.clone() };
    let looked_up = ServerFilter { search: "acme".into(), ..two.clone() };
    for (filter, count) in [(&two, 10), (&latest, 5), (&since, 9), (&looked_up, 10)] {
        let whole = store.servers(filter, None, 100).await.unwrap();
        assert!(!whole.is_more);
        let whole: Vec<i64> = whole.rows.iter().map(|row| row.server_id).collect();
        assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), count, "{filter:?}");
        for limit in 1..=4 {
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = store.servers(filter, after.as_ref(), limit).await.unwrap();
                paged.extend(page.rows.iter().map(|row| row.server_id));
                let Some(last) = page.rows.last().filter(|_| page.is_more) else { break };
                after = Some(match filter.since {
                    Some(_) => change(&last.updated_at, last.server_id),
                    None => name(&last.name_key, &last.version),
                });
            }
            assert_eq!(paged, whole, "{limit} {filter:?}");
        }
    }
}
