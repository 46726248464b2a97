//! The same JSON in the fewest bytes.

/// A JSON text without the white space between its tokens.
///
/// Everything else keeps its bytes: the order of keys, how numbers are written, escapes. So two texts that differ only in
/// their layout become the same one, whichever features a JSON library is built with.
pub fn compact(json: &str) -> String {
    let (mut within_text, mut escaped) = (false, false);
    let keeps = |character: &char| {
        if within_text {
            within_text = escaped || *character != '"';
            escaped = !escaped && *character == '\\';
            return true;
        }
        within_text = *character == '"';
        !matches!(character, ' ' | '\t' | '\n' | '\r')
    };
    json.chars().filter(keeps).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
    use serde_json::Value;

    use super::compact;

    fn check(json: &str, expected: &str) {
        assert_eq!(compact(json), expected);
    }

    #[test]
    fn only_white_space_between_tokens_goes() {
        check("{ \"a b\": [1, 2.50 ,\ttrue]\r\n}\n", "{\"a b\":[1,2.50,true]}");
        check(r#"{ "a": "a \" b : c", "d" : "\\" }"#, r#"{"a":"a \" b : c","d":"\\"}"#);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            "[ \"\\\\a:,{}]{0,6}".prop_map(Value::from),
            (0..9).prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ \"\\\\a]{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_indented_and_the_compact_become_the_same(value in json()) {
            let indented = serde_json::to_string_pretty(&value).unwrap();
            assert_eq!(compact(&indented), value.to_string());
        }
    }
}
