//! The little JSON that is needed: texts are written, and the daemon's answer is read.

#[derive(Debug, PartialEq)]
pub enum Json {
    Text(String),
    Number(f64),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
    Bool(bool),
    Null,
}

impl Json {
    pub fn get(&self, key: &str) -> Option<&Json> {
        let Json::Map(parts) = self else { return None };
        parts.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub fn text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    pub fn list(&self) -> &[Json] {
        if let Json::List(items) = self { items } else { &[] }
    }
}

pub fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for one in text.chars() {
        match one {
            '"' | '\\' => written.extend(['\\', one]),
            '\0'..' ' => written.push_str(&format!("\\u{:04x}", one as u32)),
            _ => written.push(one),
        }
    }
    written + "\""
}

/// None where it is no JSON.
pub fn parse(text: &str) -> Option<Json> {
    let mut reader = Reader { rest: text };
    let value = reader.value(32)?;
    reader.skip();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip();
        self.rest.strip_prefix(token).map(|rest| self.rest = rest).is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        let deeper = depth.checked_sub(1)?;
        if self.take("{") {
            let part = |reader: &mut Self| {
                let key = reader.take("\"").then(|| reader.string())??;
                reader.take(":").then(|| Some((key, reader.value(deeper)?)))?
            };
            return self.until("}", part).map(Json::Map);
        }
        if self.take("[") {
            return self.until("]", |reader| reader.value(deeper)).map(Json::List);
        }
        if self.take("\"") {
            return self.string().map(Json::Text);
        }
        for (word, value) in [("true", Json::Bool(true)), ("false", Json::Bool(false)), ("null", Json::Null)]
        {
            if self.take(word) {
                return Some(value);
            }
        }
        let end = self.rest.find(|one: char| !"+-.eE0123456789".contains(one)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        number.parse().ok().map(Json::Number)
    }

    /// Items with commas between them, up to `end`.
    fn until<T>(&mut self, end: &str, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        if self.take(end) {
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            if self.take(end) {
                return Some(items);
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    /// Behind the opening quote.
    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let at = self.rest.find(['"', '\\'])?;
            text.push_str(&self.rest[..at]);
            let closed = self.rest.as_bytes()[at] == b'"';
            self.rest = &self.rest[at + 1..];
            if closed {
                return Some(text);
            }
            text.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let one = self.rest.chars().next()?;
        self.rest = &self.rest[one.len_utf8()..];
        Some(match one {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => self.unit()?,
            _ => one,
        })
    }

    fn unit(&mut self) -> Option<char> {
        let code = self.hex()?;
        if !(0xd800..0xdc00).contains(&code) {
            return char::from_u32(code);
        }
        self.rest = self.rest.strip_prefix("\\u")?;
        let low = self.hex()?.checked_sub(0xdc00)?;
        char::from_u32(0x10000 + ((code - 0xd800) << 10) + low)
    }

    fn hex(&mut self) -> Option<u32> {
        let code = u32::from_str_radix(self.rest.get(..4)?, 16).ok()?;
        self.rest = &self.rest[4..];
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["", "a b", "\"\\/", "\n\t\u{0}\u{7f}", "é€😀"] {
            assert_eq!(parse(&quoted(text)), Some(Json::Text(text.into())));
        }
    }

    #[test]
    fn answers_are_read() {
        let answer =
            parse(r#" {"run":[["link","show"],[]],"merge":true,"next":"undo:a\"b\ud83d\ude00"} "#).unwrap();
        assert_eq!(answer.get("run").unwrap().list()[0].list()[1].text(), Some("show"));
        assert_eq!(answer.get("merge"), Some(&Json::Bool(true)));
        assert_eq!(answer.get("next").unwrap().text(), Some("undo:a\"b😀"));
        assert_eq!(parse(r#"{"code":2}"#).unwrap().get("code"), Some(&Json::Number(2.0)));
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "{", "[1,]", "\"a", "{\"a\"}", "1 2", "\"\\ud800\"", "\"\\u12\"", &"[".repeat(99)] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
