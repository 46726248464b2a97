//! CBOR as Smithy's RPC v2 protocol has it, to and from JSON-shaped values.
//!
//! <https://www.rfc-editor.org/rfc/rfc8949>
//! <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value, json};

use super::{Fault, timestamps};

const DEPTH_LIMIT: usize = 32;

/// Major types, the first three bits of a data item.
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

/// The other five bits of a data item: smaller ones are the argument itself, these say how many bytes of it follow.
const OF_ONE_BYTE: u8 = 24;
const OF_TWO_BYTES: u8 = 25;
const OF_FOUR_BYTES: u8 = 26;
const OF_EIGHT_BYTES: u8 = 27;

/// In their place, items up to a break.
const INDEFINITE: u8 = 31;

/// The tag of seconds since 1970.
const EPOCH_SECONDS: u64 = 1;

/// Follows the items of something whose length wasn't given.
const BREAK: u8 = 0xff;

/// Puts an output in CBOR. Members that are moments get their tag; a null stands for a member that isn't there.
pub(super) fn encode(output: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, output, false);
    bytes
}

fn put(bytes: &mut Vec<u8>, value: &Value, is_moment: bool) {
    match value {
        Value::Null => bytes.push(0xf6),
        Value::Bool(truth) => bytes.push(0xf4 + u8::from(*truth)),
        Value::Number(number) if is_moment => {
            head(bytes, TAG, EPOCH_SECONDS);
            put_float(bytes, number.as_f64().unwrap_or_default());
        }
        Value::Number(number) => put_number(bytes, number),
        Value::String(text) => put_text(bytes, text),
        Value::Array(items) => {
            head(bytes, ARRAY, items.len() as u64);
            for item in items {
                put(bytes, item, is_moment);
            }
        }
        Value::Object(members) => {
            let there = members.iter().filter(|(_, member)| !member.is_null());
            let sorted = there.collect::<BTreeMap<_, _>>();
            head(bytes, MAP, sorted.len() as u64);
            for (name, member) in sorted {
                put_text(bytes, name);
                put(bytes, member, timestamps::is_one(name));
            }
        }
    }
}

fn put_number(bytes: &mut Vec<u8>, number: &Number) {
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => head(bytes, UNSIGNED, number),
        (None, Some(number)) => head(bytes, NEGATIVE, number.unsigned_abs() - 1),
        _ => put_float(bytes, number.as_f64().unwrap_or_default()),
    }
}

fn put_float(bytes: &mut Vec<u8>, number: f64) {
    bytes.push(SIMPLE << 5 | OF_EIGHT_BYTES);
    bytes.extend(number.to_be_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    head(bytes, TEXT, text.len() as u64);
    bytes.extend(text.as_bytes());
}

fn head(bytes: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    match (u8::try_from(argument), u16::try_from(argument), u32::try_from(argument)) {
        (Ok(small @ 0..24), ..) => bytes.push(major | small),
        (Ok(byte), ..) => bytes.extend([major | OF_ONE_BYTE, byte]),
        (_, Ok(short), _) => {
            bytes.push(major | OF_TWO_BYTES);
            bytes.extend(short.to_be_bytes());
        }
        (.., Ok(word)) => {
            bytes.push(major | OF_FOUR_BYTES);
            bytes.extend(word.to_be_bytes());
        }
        _ => {
            bytes.push(major | OF_EIGHT_BYTES);
            bytes.extend(argument.to_be_bytes());
        }
    }
}

/// Reads an input from CBOR.
///
/// # Errors
/// `SerializationException` when it isn't CBOR, or holds what no input has.
pub(super) fn decode(bytes: &[u8]) -> Result<Value, Fault> {
    let mut reader = Reader { bytes };
    let value = reader.item(0)?;
    if reader.bytes.is_empty() {
        Ok(value)
    } else {
        Err(malformed("something follows the input"))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn item(&mut self, depth: usize) -> Result<Value, Fault> {
        if depth > DEPTH_LIMIT {
            return Err(malformed("it nests too deep"));
        }
        let first = self.byte()?;
        let (major, short) = (first >> 5, first & 31);
        match major {
            UNSIGNED => Ok(json!(self.argument(short)?)),
            NEGATIVE => {
                let number = i64::try_from(self.argument(short)?).map_err(|_| malformed("a number is too small"))?;
                Ok(json!(-1 - number))
            }
            TEXT => self.text(short).map(Value::String),
            ARRAY => self.items(short, |reader| reader.item(depth + 1)).map(Value::Array),
            MAP => {
                let members = self.items(short, |reader| {
                    let name = reader.byte()?;
                    if name >> 5 != TEXT {
                        return Err(malformed("a member's name is no text"));
                    }
                    Ok((reader.text(name & 31)?, reader.item(depth + 1)?))
                })?;
                Ok(Value::Object(members.into_iter().collect::<Map<_, _>>()))
            }
            TAG => {
                self.argument(short)?;
                self.item(depth + 1)
            }
            SIMPLE => self.simple(short),
            _ => Err(malformed("it has bytes, which no input here has")),
        }
    }

    fn simple(&mut self, short: u8) -> Result<Value, Fault> {
        let float = match short {
            20 | 21 => return Ok(Value::Bool(short == 21)),
            22 | 23 => return Ok(Value::Null),
            OF_TWO_BYTES => half(u16::from_be_bytes(self.array()?)),
            OF_FOUR_BYTES => f32::from_be_bytes(self.array()?).into(),
            OF_EIGHT_BYTES => f64::from_be_bytes(self.array()?),
            _ => return Err(malformed("it has a simple value of no meaning")),
        };
        let number = Number::from_f64(float);
        number
            .map(Value::Number)
            .ok_or_else(|| malformed("a number is not finite"))
    }

    fn text(&mut self, short: u8) -> Result<String, Fault> {
        if short != INDEFINITE {
            let length = self.argument(short)?;
            return self.text_of(length);
        }
        let mut text = String::new();
        loop {
            match self.byte()? {
                BREAK => return Ok(text),
                chunk if chunk >> 5 == TEXT => {
                    let length = self.argument(chunk & 31)?;
                    text.push_str(&self.text_of(length)?);
                }
                _ => return Err(malformed("a text has a part that is none")),
            }
        }
    }

    fn text_of(&mut self, length: u64) -> Result<String, Fault> {
        let bytes = self.take(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| malformed("a text is not UTF-8"))
    }

    /// Items up to their number, or up to the break where it isn't given.
    fn items<T>(&mut self, short: u8, read: impl Fn(&mut Self) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        let mut items = Vec::new();
        if short == INDEFINITE {
            while self.bytes.first() != Some(&BREAK) {
                items.push(read(self)?);
            }
            self.byte()?;
            return Ok(items);
        }
        // A number that lies ends with the input.
        for _ in 0..self.argument(short)? {
            items.push(read(self)?);
        }
        Ok(items)
    }

    fn argument(&mut self, short: u8) -> Result<u64, Fault> {
        match short {
            0..24 => Ok(short.into()),
            OF_ONE_BYTE => Ok(self.byte()?.into()),
            OF_TWO_BYTES => Ok(u16::from_be_bytes(self.array()?).into()),
            OF_FOUR_BYTES => Ok(u32::from_be_bytes(self.array()?).into()),
            OF_EIGHT_BYTES => Ok(u64::from_be_bytes(self.array()?)),
            _ => Err(malformed("a length is missing")),
        }
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Fault> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or_else(too_short)?;
        self.bytes = rest;
        Ok(*array)
    }

    fn take(&mut self, length: u64) -> Result<&[u8], Fault> {
        let length = usize::try_from(length).map_err(|_| too_short())?;
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(too_short)?;
        self.bytes = rest;
        Ok(taken)
    }
}

/// A number of two bytes. <https://www.rfc-editor.org/rfc/rfc8949#appendix-D>
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

fn too_short() -> Fault {
    malformed("it ends too early")
}

fn malformed(message: &str) -> Fault {
    Fault::client(
        "SerializationException",
        format!("the body is not the CBOR of an input: {message}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// Of the examples in appendix A of RFC 8949.
    #[test]
    fn the_examples_of_the_standard() {
        let check = |hex: &str, expected: Value| assert_eq!(decode(&bytes(hex)).unwrap(), expected, "{hex}");
        check("00", json!(0));
        check("1903e8", json!(1000));
        check("1b000000e8d4a51000", json!(1_000_000_000_000_u64));
        check("3903e7", json!(-1000));
        check("f93e00", json!(1.5));
        check("f9c400", json!(-4.0));
        check("f90001", json!(5.960_464_477_539_063e-8));
        check("fa47c35000", json!(100_000.0));
        check("fb3ff199999999999a", json!(1.1));
        check("f5", json!(true));
        check("f6", json!(null));
        check("c11a514b67b0", json!(1_363_896_240));
        check("6449455446", json!("IETF"));
        check("83010203", json!([1, 2, 3]));
        check("a26161016162820203", json!({"a": 1, "b": [2, 3]}));
        check("7f657374726561646d696e67ff", json!("streaming"));
        check("9f018202039f0405ffff", json!([1, [2, 3], [4, 5]]));
        check("bf61610161629f0203ffff", json!({"a": 1, "b": [2, 3]}));
        for nonsense in [
            "",
            "18",
            "6261",
            "ff",
            "4401020304",
            "f97e00",
            "a1",
            "9f",
            "a10102",
            "0000",
            "1c",
        ] {
            assert_eq!(
                decode(&bytes(nonsense)).unwrap_err().code,
                "SerializationException",
                "{nonsense}"
            );
        }
        assert!(decode(&[0x81; 100]).is_err());
    }

    #[test]
    fn moments_get_their_tag() {
        let encoded = encode(&json!({"Timestamps": [1.0], "None": null}));
        assert_eq!(encoded, bytes("a16a54696d657374616d707381c1fb3ff0000000000000"));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e9_f64..1e9).prop_map(Value::from),
            ".{0,300}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 30, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..30).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,9}", inner, 0..9)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(value in values()) {
            prop_assert_eq!(decode(&encode(&value)).unwrap(), value);
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&bytes);
        }
    }
}
