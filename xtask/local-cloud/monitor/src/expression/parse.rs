//! Reading metric math, the weakest operator first.

use super::{ExpressionError, Function, Node, Operator, error};

/// CloudWatch's longest expression.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html>
const LENGTH_LIMIT: usize = 2048;

/// How deep parentheses may nest: a named choice, so that no expression exhausts the stack.
const DEPTH_LIMIT: usize = 50;

pub(super) fn parse(text: &str) -> Result<Node, ExpressionError> {
    if text.len() > LENGTH_LIMIT {
        return Err(error(format!("an expression has {LENGTH_LIMIT} characters at most")));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
    };
    let node = parser.binary(0)?;
    match parser.tokens.get(parser.next) {
        None => Ok(node),
        Some(token) => Err(error(format!("{:?} is not expected there", token.text()))),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Sign(&'static str),
}

/// The longer before what it begins with.
const SIGNS: [&str; 19] = [
    "<=", ">=", "==", "!=", "&&", "||", "+", "-", "*", "/", "^", "<", ">", "(", ")", "[", "]", ",", "=",
];

/// Operators by how strongly they bind, the weakest first.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("||", Operator::Or), ("OR", Operator::Or)],
    &[("&&", Operator::And), ("AND", Operator::And)],
    &[("==", Operator::Equal), ("!=", Operator::NotEqual)],
    &[
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

impl Token {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Name(name) => name.clone(),
            Self::Sign(sign) => (*sign).to_owned(),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() || first == '.' {
            let length = span(rest, |character| character.is_ascii_digit() || character == '.');
            let digits = &rest[..length];
            let number = digits
                .parse()
                .map_err(|_| error(format!("{digits:?} is not a number")))?;
            tokens.push(Token::Number(number));
            length
        } else if first.is_ascii_alphabetic() {
            let length = span(rest, |character| character.is_ascii_alphanumeric() || character == '_');
            tokens.push(Token::Name(rest[..length].to_owned()));
            length
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| error(format!("{first:?} is not expected there")))?;
            tokens.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn span(text: &str, within: impl Fn(char) -> bool) -> usize {
    text.find(|character| !within(character)).unwrap_or(text.len())
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn take(&mut self, sign: &str) -> bool {
        let found = match self.tokens.get(self.next) {
            Some(Token::Sign(next)) => *next == sign,
            Some(Token::Name(next)) => next == sign,
            _ => false,
        };
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), ExpressionError> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(error(format!("{sign:?} is missing")))
        }
    }

    fn binary(&mut self, level: usize) -> Result<Node, ExpressionError> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.take(sign)) {
            let right = self.binary(level + 1)?;
            left = Node::Binary(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, ExpressionError> {
        self.deeper(|parser| {
            if parser.take("-") {
                return Ok(Node::Negated(Box::new(parser.unary()?)));
            }
            let base = parser.atom()?;
            if parser.take("^") {
                let exponent = parser.unary()?;
                return Ok(Node::Binary(Operator::Power, Box::new(base), Box::new(exponent)));
            }
            Ok(base)
        })
    }

    fn atom(&mut self) -> Result<Node, ExpressionError> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        match token {
            Some(Token::Number(number)) => Ok(Node::Number(number)),
            Some(Token::Sign("(")) => {
                let inner = self.binary(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Sign("[")) => Ok(Node::List(self.list("]")?)),
            Some(Token::Name(name)) if self.take("(") => {
                let function = Function::ALL.into_iter().find(|known| known.name() == name);
                let function = function.ok_or_else(|| {
                    error(format!(
                        "the function {name} is not supported; those that are: {}",
                        Function::ALL.map(Function::name).join(", ")
                    ))
                })?;
                Ok(Node::Call(function, self.list(")")?))
            }
            Some(Token::Name(name)) => Ok(Node::Reference(name)),
            Some(token) => Err(error(format!("{:?} is not expected there", token.text()))),
            None => Err(error("the expression ends too early")),
        }
    }

    /// What commas separate, up to the end.
    fn list(&mut self, end: &str) -> Result<Vec<Node>, ExpressionError> {
        let mut parts = Vec::new();
        if self.take(end) {
            return Ok(parts);
        }
        loop {
            parts.push(self.binary(0)?);
            if self.take(end) {
                return Ok(parts);
            }
            self.expect(",")?;
        }
    }

    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Node, ExpressionError>,
    ) -> Result<Node, ExpressionError> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(error(format!("an expression nests {DEPTH_LIMIT} levels at most")));
        }
        let node = read(self);
        self.depth -= 1;
        node
    }
}
