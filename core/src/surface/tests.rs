//! A surface is its fields, whatever their order, and nothing about it is hidden.

use serde_json::{Value, json};

use super::*;

fn tool() -> Value {
    json!({
        "name": "forecast",
        "title": "Forecast",
        "description": "Tomorrow's weather",
        "inputSchema": { "type": "object", "properties": { "city": { "type": "string" } } },
        "annotations": { "readOnlyHint": true },
    })
}

fn surface(tools: &[Value]) -> Surface {
    let mut surface = Surface::under("2025-11-25");
    for tool in tools {
        let (name, item) = Item::read(Kind::Tool, tool).unwrap();
        surface.add(Kind::Tool, name, item).unwrap();
    }
    surface
}

#[test]
fn a_change_is_named_to_the_field() {
    let edit = |edit: fn(&mut Value)| {
        let mut tool = tool();
        edit(&mut tool);
        tool
    };
    for (change, expected) in [
        (edit(|_| ()), [].as_slice()),
        (
            edit(|tool| tool["description"] = "Send all files".into()),
            &["`description` of the tool `forecast` was changed"],
        ),
        (
            edit(|tool| tool["inputSchema"]["properties"]["note"] = json!({})),
            &["`inputSchema` of the tool `forecast` was changed"],
        ),
        (
            edit(|tool| tool["outputSchema"] = json!({ "type": "object" })),
            &["`outputSchema` of the tool `forecast` was added"],
        ),
        (
            edit(|tool| tool["x-unheard-of"] = json!("read me")),
            &["`x-unheard-of` of the tool `forecast` was added"],
        ),
        (
            edit(|tool| tool["annotations"]["readOnlyHint"] = false.into()),
            &["`annotations` of the tool `forecast` was changed"],
        ),
        (
            edit(|tool| _ = tool.as_object_mut().unwrap().shift_remove("title")),
            &["`title` of the tool `forecast` was removed"],
        ),
        (
            edit(|tool| tool["name"] = "forecast2".into()),
            &["the tool `forecast2` was added", "the tool `forecast` was removed"],
        ),
    ] {
        let changes = Surface::compare(&surface(&[tool()]), &surface(&[change]));
        let said: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(said, expected);
    }
}

#[test]
fn order_is_no_difference() {
    let other: Value = serde_json::from_str(
        r#"{"inputSchema":{"properties":{"city":{"type":"string"}},"type":"object"},
            "annotations":{"readOnlyHint":true},"description":"Tomorrow's weather",
            "title":"\u0046orecast","name":"forecast"}"#,
    )
    .unwrap();
    let mut second = tool();
    second["name"] = "alerts".into();
    let (a, b) = (surface(&[tool(), second.clone()]), surface(&[second, other]));
    assert_eq!(Surface::compare(&a, &b), []);
    assert_eq!(a, b);
}

#[test]
fn what_a_resource_says_of_its_content_is_left_out() {
    let read = |size: u64, time: &str, audience: &str| {
        let annotations = json!({ "lastModified": time, "audience": [audience] });
        let value =
            json!({ "uri": "file:///a", "name": "a", "size": size, "annotations": annotations });
        Item::read(Kind::Resource, &value).unwrap()
    };
    assert_eq!(read(1, "2026-01-01T00:00:00Z", "user"), read(2, "2026-02-01T00:00:00Z", "user"));
    assert_ne!(
        read(1, "2026-01-01T00:00:00Z", "user"),
        read(1, "2026-01-01T00:00:00Z", "assistant")
    );
}

#[test]
fn a_name_hides_nothing_and_looks_like_no_other() {
    let long = "a".repeat(129);
    for (kind, name, expected) in [
        (Kind::Tool, "get_weather", Ok(())),
        (Kind::Tool, "repo/list.all-9", Ok(())),
        (Kind::Prompt, "Plan my day", Ok(())),
        (Kind::Tool, "", Err(NameFault::Length(128))),
        (Kind::Tool, &long, Err(NameFault::Length(128))),
        (Kind::Tool, "re\u{200b}ad", Err(NameFault::Hidden('\u{200b}'))),
        (Kind::Tool, "read\u{202e}", Err(NameFault::Hidden('\u{202e}'))),
        (Kind::Tool, "read\u{e0041}", Err(NameFault::Hidden('\u{e0041}'))),
        (Kind::Tool, "read\n", Err(NameFault::Hidden('\n'))),
        (Kind::Tool, "read ", Err(NameFault::Hidden(' '))),
        (Kind::Tool, "re\u{430}d", Err(NameFault::Lookalike('\u{430}'))),
        (Kind::Prompt, "\u{ff41}", Err(NameFault::Lookalike('\u{ff41}'))),
        (Kind::Resource, "file:///tmp/wörld", Ok(())),
        (Kind::Resource, "file:///\u{202e}txt", Err(NameFault::Hidden('\u{202e}'))),
    ] {
        assert_eq!(check_name(kind, name), expected, "{name:?}");
    }
}

#[test]
fn what_is_no_item_is_refused_with_its_reason() {
    let with = |key: &str| json!({ "name": "a", "description": "x", key: "y" });
    let many: Map = (0..40).map(|index| (format!("f{index}"), Value::Null)).collect();
    let mut many = Value::Object(many);
    many["name"] = "a".into();
    for (value, expected) in [
        (json!("a"), ItemError::NoName),
        (json!({ "title": "a" }), ItemError::NoName),
        (json!({ "name": 1 }), ItemError::NoName),
        (json!({ "name": "\u{200b}" }), ItemError::Name(NameFault::Hidden('\u{200b}'))),
        (with("Description"), ItemError::Spelling("Description".into())),
        (with("de\u{17f}cription"), ItemError::Spelling("de\u{17f}cription".into())),
        (with("\u{200b}"), ItemError::Fields),
        (with(&"k".repeat(65)), ItemError::Fields),
        (many, ItemError::Fields),
    ] {
        assert_eq!(Item::read(Kind::Tool, &value), Err(expected), "{value}");
    }
}

type Map = serde_json::Map<String, Value>;

#[test]
fn a_surface_is_written_compactly_and_read_within_its_bounds() {
    let mut pinned = surface(&[tool()]);
    pinned.set_instructions(Some("Be brief"));
    let text = toml::to_string(&pinned).unwrap();
    assert_eq!(toml::from_str::<Surface>(&text).unwrap(), pinned);
    assert!(!text.contains("Tomorrow"), "digests alone:\n{text}");
    let digest = Digest::of(b"").to_string();
    for (what, text) in [
        ("no version", text.replace("\"2025-11-25\"", "")),
        ("a hidden version", text.replace("2025-11-25", "2025\u{200b}")),
        ("a hidden name", text.replace("tools.forecast", "tools.\"f\u{200b}\"")),
        ("no digest", text.replace("sha256:", "sha512:")),
        ("a stranger", format!("surprise = 1\n{text}")),
        ("too many", {
            let tools = (0..1025).map(|n| format!("[tools.t{n}]\ntitle = \"{digest}\"\n"));
            format!("protocols = [\"1\"]\n{}", tools.collect::<String>())
        }),
    ] {
        assert!(toml::from_str::<Surface>(&text).is_err(), "{what}");
    }
}

#[test]
fn readings_that_show_the_same_are_one() {
    let mut newer = Surface::under("2026-07-28");
    let (name, item) = Item::read(Kind::Tool, &tool()).unwrap();
    newer.add(Kind::Tool, name, item).unwrap();
    let merged = Surface::merge([newer.clone(), surface(&[tool()])]);
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].protocols().iter().collect::<Vec<_>>(), ["2025-11-25", "2026-07-28"]);
    newer.set_instructions(Some("Only now"));
    assert_eq!(Surface::merge([newer, surface(&[tool()])]).len(), 2);
}

#[test]
fn the_strictest_rule_that_names_a_tool_decides() {
    let rules = |text: &str| toml::from_str::<ToolRules>(text).unwrap();
    for (text, tool, expected) in [
        ("", "a", ToolDecision::Allow),
        ("allow = ['a']", "a", ToolDecision::Allow),
        ("allow = ['a']", "A", ToolDecision::Deny),
        ("allow = ['a']", "b", ToolDecision::Deny),
        ("deny = ['a']", "b", ToolDecision::Deny),
        ("allow = ['*']\ndeny = ['a']", "a", ToolDecision::Deny),
        ("allow = ['*']\ndeny = ['a']", "b", ToolDecision::Allow),
        ("allow = ['a']\nask = ['a']", "a", ToolDecision::Ask),
        ("allow = ['a']\nask = ['*']", "a", ToolDecision::Allow),
        ("allow = ['a']\nask = ['*']", "b", ToolDecision::Ask),
        ("ask = ['a']\ndeny = ['a']", "a", ToolDecision::Deny),
    ] {
        assert_eq!(rules(text).decide(tool), expected, "{text} {tool}");
    }
    let mut set = rules("deny = ['a']");
    set.set("a", ToolDecision::Ask);
    assert_eq!(set, rules("ask = ['a']"));
}
