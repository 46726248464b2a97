//! Metric math: what our templates need and a little more. What isn't here is refused by name, before anything uses it.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>

mod parse;

use std::collections::BTreeSet;

/// What is wrong with an expression, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpressionError(pub String);

/// An expression that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression(Node);

/// What an expression comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One number.
    Number,
    /// A value for each period that has one.
    Series,
}

/// A value of an expression: the periods of a series are the oldest first, and one without a data point is none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(Option<f64>),
    Series(Vec<Option<f64>>),
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    Reference(String),
    Negated(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
    List(Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Abs,
    Average,
    Ceiling,
    Fill,
    Floor,
    If,
    Maximum,
    Minimum,
    Period,
    Rate,
    Sum,
}

/// What `FILL` repeats the last value by.
const REPEAT: &str = "REPEAT";

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// Names what isn't metric math, or is beyond what is supported.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        parse::parse(text).map(Self)
    }

    /// The ids of the queries that it refers to.
    pub fn references(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        self.0.collect_references(&mut found);
        found
    }

    /// What it comes to, given what each id that it refers to is.
    ///
    /// # Errors
    /// Names the function whose arguments don't fit.
    pub fn kind(&self, of: &dyn Fn(&str) -> Kind) -> Result<Kind, ExpressionError> {
        self.0.kind(of)
    }

    /// Its value: `of` gives the values of what it refers to.
    pub(crate) fn evaluate(&self, of: &dyn Fn(&str) -> Value, period_seconds: f64) -> Value {
        self.0.evaluate(of, period_seconds)
    }
}

impl Node {
    fn collect_references<'a>(&'a self, found: &mut BTreeSet<&'a str>) {
        match self {
            Self::Number(_) => {}
            Self::Reference(id) if id == REPEAT => {}
            Self::Reference(id) => drop(found.insert(id)),
            Self::Negated(inner) => inner.collect_references(found),
            Self::Binary(_, left, right) => {
                left.collect_references(found);
                right.collect_references(found);
            }
            Self::Call(_, parts) | Self::List(parts) => parts.iter().for_each(|part| part.collect_references(found)),
        }
    }

    fn kind(&self, of: &dyn Fn(&str) -> Kind) -> Result<Kind, ExpressionError> {
        match self {
            Self::Number(_) => Ok(Kind::Number),
            Self::Reference(id) if id == REPEAT => Err(error("REPEAT is only for FILL's second argument")),
            Self::Reference(id) => Ok(of(id)),
            Self::Negated(inner) => inner.kind(of),
            Self::Binary(_, left, right) => Ok(wider(left.kind(of)?, right.kind(of)?)),
            Self::List(_) => Err(error("a list in brackets is only for AVG, MAX, MIN and SUM")),
            Self::Call(function, arguments) => kind_of_call(*function, arguments, of),
        }
    }

    fn evaluate(&self, of: &dyn Fn(&str) -> Value, period_seconds: f64) -> Value {
        match self {
            Self::Number(number) => Value::Number(Some(*number)),
            Self::Reference(id) => of(id),
            Self::Negated(inner) => inner.evaluate(of, period_seconds).map(|value| Some(-value)),
            Self::Binary(operator, left, right) => {
                let (left, right) = (left.evaluate(of, period_seconds), right.evaluate(of, period_seconds));
                left.zip(&right, |left, right| operator.apply_or_fill(left, right))
            }
            Self::List(_) => Value::Number(None),
            Self::Call(function, arguments) => call(*function, arguments, of, period_seconds),
        }
    }
}

fn wider(left: Kind, right: Kind) -> Kind {
    if left == Kind::Series { left } else { right }
}

fn kind_of_call(function: Function, arguments: &[Node], of: &dyn Fn(&str) -> Kind) -> Result<Kind, ExpressionError> {
    let series = |node: &Node| match node.kind(of)? {
        Kind::Series => Ok(()),
        Kind::Number => Err(error(format!("{} needs a time series", function.name()))),
    };
    match (function, arguments) {
        (Function::Abs | Function::Ceiling | Function::Floor, [argument]) => argument.kind(of),
        (Function::Average | Function::Maximum | Function::Minimum | Function::Sum, [Node::List(parts)]) => {
            parts.iter().try_for_each(series)?;
            Ok(Kind::Series)
        }
        (Function::Average | Function::Maximum | Function::Minimum | Function::Sum, [argument]) => {
            series(argument)?;
            Ok(Kind::Number)
        }
        (Function::Fill, [argument, filler]) => {
            series(argument)?;
            let repeats = matches!(filler, Node::Reference(id) if id == REPEAT);
            if repeats || filler.kind(of)? == Kind::Number {
                Ok(Kind::Series)
            } else {
                Err(error("FILL fills with a number or with REPEAT"))
            }
        }
        (Function::If, [condition, then]) => Ok(wider(condition.kind(of)?, then.kind(of)?)),
        (Function::If, [condition, then, otherwise]) => {
            Ok(wider(condition.kind(of)?, wider(then.kind(of)?, otherwise.kind(of)?)))
        }
        (Function::Rate, [argument]) => series(argument).map(|()| Kind::Series),
        (Function::Period, [argument]) => series(argument).map(|()| Kind::Number),
        _ => Err(error(format!(
            "{} does not take {} arguments",
            function.name(),
            arguments.len()
        ))),
    }
}

fn call(function: Function, arguments: &[Node], of: &dyn Fn(&str) -> Value, period_seconds: f64) -> Value {
    let evaluate = |node: &Node| node.evaluate(of, period_seconds);
    match (function, arguments) {
        (Function::Abs, [argument]) => evaluate(argument).map(|value| Some(value.abs())),
        (Function::Ceiling, [argument]) => evaluate(argument).map(|value| Some(value.ceil())),
        (Function::Floor, [argument]) => evaluate(argument).map(|value| Some(value.floor())),
        (_, [Node::List(parts)]) => {
            let series = parts
                .iter()
                .map(|part| evaluate(part).into_series())
                .collect::<Vec<_>>();
            let length = series.iter().map(Vec::len).max().unwrap_or_default();
            let at = |index: usize| series.iter().filter_map(move |values| *values.get(index)?);
            Value::Series((0..length).map(|index| function.aggregate(at(index))).collect())
        }
        (Function::Fill, [argument, Node::Reference(id)]) if id == REPEAT => repeat(evaluate(argument)),
        (Function::Fill, [argument, filler]) => {
            let filler = evaluate(filler);
            evaluate(argument).zip(&filler, Option::or)
        }
        (Function::If, [condition, then, rest @ ..]) => {
            let otherwise = rest.first().map_or(Value::Number(None), evaluate);
            let condition = evaluate(condition);
            let chosen = condition.zip(&evaluate(then), |condition, then| {
                then.filter(|_| condition.is_some_and(|truth| truth != 0.0))
            });
            let other = condition.zip(&otherwise, |condition, other| other.filter(|_| condition == Some(0.0)));
            chosen.zip(&other, Option::or)
        }
        (Function::Period, _) => Value::Number(Some(period_seconds)),
        (Function::Rate, [argument]) => rate(&evaluate(argument).into_series(), period_seconds),
        (_, [argument]) => Value::Number(function.aggregate(evaluate(argument).into_series().into_iter().flatten())),
        _ => Value::Number(None),
    }
}

fn repeat(value: Value) -> Value {
    let mut last = None;
    let filled = value.into_series().into_iter().map(|value| {
        last = value.or(last);
        last
    });
    Value::Series(filled.collect())
}

/// The change since the data point before, each second.
#[expect(
    clippy::cast_precision_loss,
    reason = "a distance between data points of three hours"
)]
fn rate(values: &[Option<f64>], period_seconds: f64) -> Value {
    let mut before: Option<(usize, f64)> = None;
    let rates = values.iter().enumerate().map(|(index, value)| {
        let value = (*value)?;
        let earlier = before.replace((index, value));
        earlier.map(|(place, earlier)| (value - earlier) / ((index - place) as f64 * period_seconds))
    });
    Value::Series(rates.collect())
}

impl Value {
    fn map(self, change: impl Fn(f64) -> Option<f64>) -> Self {
        match self {
            Self::Number(number) => Self::Number(number.and_then(change)),
            Self::Series(values) => Self::Series(values.into_iter().map(|value| change(value?)).collect()),
        }
    }

    /// Period by period; a number stands for every period.
    fn zip(&self, other: &Self, join: impl Fn(Option<f64>, Option<f64>) -> Option<f64>) -> Self {
        let (Self::Number(left), Self::Number(right)) = (self, other) else {
            let length = self.length().max(other.length());
            let joined = (0..length).map(|index| join(self.at(index), other.at(index)));
            return Self::Series(joined.collect());
        };
        Self::Number(join(*left, *right))
    }

    fn length(&self) -> usize {
        match self {
            Self::Number(_) => 0,
            Self::Series(values) => values.len(),
        }
    }

    fn at(&self, index: usize) -> Option<f64> {
        match self {
            Self::Number(number) => *number,
            Self::Series(values) => *values.get(index)?,
        }
    }

    pub(crate) fn into_series(self) -> Vec<Option<f64>> {
        match self {
            Self::Number(_) => Vec::new(),
            Self::Series(values) => values,
        }
    }
}

impl Operator {
    /// `+` takes a missing data point for 0 unless both are missing; of any other operator the value is missing too.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>
    fn apply_or_fill(self, left: Option<f64>, right: Option<f64>) -> Option<f64> {
        match (self, left, right) {
            (_, Some(left), Some(right)) => self.apply(left, right),
            (Self::Add, Some(value), None) | (Self::Add, None, Some(value)) => Some(value),
            _ => None,
        }
    }

    /// What isn't a number, such as a division by zero, is no data point: a named choice, as AWS documents none.
    fn apply(self, left: f64, right: f64) -> Option<f64> {
        let truth = |is: bool| f64::from(u8::from(is));
        let (left_holds, right_holds) = (left != 0.0, right != 0.0);
        let equal = (left - right).abs() == 0.0;
        let value = match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            Self::Power => left.powf(right),
            Self::Equal => truth(equal),
            Self::NotEqual => truth(!equal),
            Self::Less => truth(left < right),
            Self::LessOrEqual => truth(left <= right),
            Self::Greater => truth(left > right),
            Self::GreaterOrEqual => truth(left >= right),
            Self::And => truth(left_holds && right_holds),
            Self::Or => truth(left_holds || right_holds),
        };
        value.is_finite().then_some(value)
    }
}

impl Function {
    const ALL: [Self; 11] = [
        Self::Abs,
        Self::Average,
        Self::Ceiling,
        Self::Fill,
        Self::Floor,
        Self::If,
        Self::Maximum,
        Self::Minimum,
        Self::Period,
        Self::Rate,
        Self::Sum,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Abs => "ABS",
            Self::Average => "AVG",
            Self::Ceiling => "CEIL",
            Self::Fill => "FILL",
            Self::Floor => "FLOOR",
            Self::If => "IF",
            Self::Maximum => "MAX",
            Self::Minimum => "MIN",
            Self::Period => "PERIOD",
            Self::Rate => "RATE",
            Self::Sum => "SUM",
        }
    }

    /// One number of many; none of none.
    fn aggregate(self, values: impl Iterator<Item = f64>) -> Option<f64> {
        let mut count = 0.0;
        let total = values.inspect(|_| count += 1.0).reduce(|left, right| match self {
            Self::Maximum => left.max(right),
            Self::Minimum => left.min(right),
            _ => left + right,
        })?;
        Some(if self == Self::Average { total / count } else { total })
    }
}

fn error(message: impl Into<String>) -> ExpressionError {
    ExpressionError(message.into())
}
