//! Python values as JSON, and JSON as Python values.

use std::fmt::{self, Write};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deeper than the wire can be read again.
const DEEPEST: usize = 120;

/// The value as JSON. What is not JSON is an error that names its place: `data.x[3]: set is not JSON`.
pub(crate) fn from_python(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Value> {
    read(value, DEEPEST).map_err(|fault| fault.named(value.py(), name))
}

/// The members of a dict as JSON, each named by itself in an error.
pub(crate) fn members(dict: &Bound<'_, PyDict>, name: &str) -> PyResult<Map<String, Value>> {
    let read = read_members(dict, DEEPEST);
    read.map_err(|fault| fault.named(dict.py(), name))
}

/// Why a value is not JSON, and the way to it, the last step first.
struct Fault {
    way: Vec<Step>,
    kind: Kind,
}

enum Step {
    Member(String),
    Item(usize),
}

enum Kind {
    /// It is not what JSON can hold.
    Unfit(String),
    /// What Python itself raised.
    Raised(PyErr),
}

impl Fault {
    fn of(kind: Kind) -> Self {
        Self { way: Vec::new(), kind }
    }

    fn under(mut self, step: Step) -> Self {
        self.way.push(step);
        self
    }

    fn named(self, py: Python<'_>, name: &str) -> PyErr {
        const SHOWN: usize = 24;
        let mut path = name.to_owned();
        let hidden = self.way.len().saturating_sub(SHOWN);
        for step in self.way.iter().rev().take(SHOWN) {
            let dot = if path.is_empty() { "" } else { "." };
            // Writing to a string does not fail.
            let _written = match step {
                Step::Member(key) => write!(path, "{dot}{key}"),
                Step::Item(index) => write!(path, "[{index}]"),
            };
        }
        if hidden > 0 {
            path.push('…');
        }
        match self.kind {
            Kind::Unfit(what) => PyTypeError::new_err(format!("{path}: {what}")),
            Kind::Raised(error) => {
                let named = PyTypeError::new_err(format!("{path}: cannot be read"));
                named.set_cause(py, Some(error));
                named
            }
        }
    }
}

impl From<PyErr> for Fault {
    fn from(error: PyErr) -> Self {
        Self::of(Kind::Raised(error))
    }
}

fn read(value: &Bound<'_, PyAny>, deeper: usize) -> Result<Value, Fault> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Value::String(text_of(text)?));
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    // Before int, whose subclass it is.
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(Value::Bool(truth.is_true()));
    }
    if let Ok(number) = value.cast::<PyInt>() {
        return integer(number);
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        let not_finite = || Fault::of(Kind::Unfit("NaN and infinity are not JSON".to_owned()));
        return Number::from_f64(number.value()).map(Value::Number).ok_or_else(not_finite);
    }
    let Some(deeper) = deeper.checked_sub(1) else {
        return Err(Fault::of(Kind::Unfit("is nested too deep, or within itself".to_owned())));
    };
    if let Ok(dict) = value.cast::<PyDict>() {
        return read_members(dict, deeper).map(Value::Object);
    }
    if let Ok(list) = value.cast::<PyList>() {
        return read_items(list.iter(), deeper);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return read_items(tuple.iter(), deeper);
    }
    let kind = value.get_type().qualname()?;
    Err(Fault::of(Kind::Unfit(format!("{kind} is not JSON"))))
}

fn read_members(dict: &Bound<'_, PyDict>, deeper: usize) -> Result<Map<String, Value>, Fault> {
    let mut members = Map::new();
    for (key, value) in dict.iter() {
        let Ok(key) = key.cast::<PyString>() else {
            let (shown, kind) = (key.repr()?, key.get_type().qualname()?);
            let what = format!("the key {shown} is {kind}, JSON has text only");
            return Err(Fault::of(Kind::Unfit(what)));
        };
        let key = text_of(key)?;
        let value = read(&value, deeper).map_err(|fault| fault.under(Step::Member(key.clone())))?;
        members.insert(key, value);
    }
    Ok(members)
}

fn read_items<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    deeper: usize,
) -> Result<Value, Fault> {
    let item = |(index, item): (usize, Bound<'_, PyAny>)| {
        read(&item, deeper).map_err(|fault| fault.under(Step::Item(index)))
    };
    items.enumerate().map(item).collect::<Result<_, _>>().map(Value::Array)
}

fn text_of(text: &Bound<'_, PyString>) -> Result<String, Fault> {
    let text = text.to_str();
    text.map(str::to_owned)
        .map_err(|_| Fault::of(Kind::Unfit("holds a lone surrogate, which is not text".to_owned())))
}

fn integer(number: &Bound<'_, PyInt>) -> Result<Value, Fault> {
    if let Ok(number) = number.extract::<i64>() {
        return Ok(number.into());
    }
    let too_large = |_| {
        Fault::of(Kind::Unfit("is an integer of more than 64 bits; give it as text".to_owned()))
    };
    number.extract::<u64>().map(Value::from).map_err(too_large)
}

/// The JSON as a Python value.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(truth) => PyBool::new(py, *truth).to_owned().into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any(),
            (None, Some(number)) => number.into_pyobject(py)?.into_any(),
            (None, None) => PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(to_python(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(members) => {
            let dict = PyDict::new(py);
            for (key, member) in members {
                dict.set_item(key, to_python(py, member)?)?;
            }
            dict.into_any()
        }
    })
}

/// What the runtime writes as a document.
pub(crate) fn document(written: &impl serde::Serialize) -> Value {
    // Its documents have text for keys, which is all that could fail.
    serde_json::to_value(written).unwrap_or_default()
}

/// JSON text as a Python value, made without anything between.
pub(crate) fn parse<'py>(py: Python<'py>, text: &str) -> serde_json::Result<Bound<'py, PyAny>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Seed(py).deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

#[derive(Clone, Copy)]
struct Seed<'py>(Python<'py>);

impl<'de, 'py> DeserializeSeed<'de> for Seed<'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de, 'py> Visitor<'de> for Seed<'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(PyBool::new(self.0, truth).to_owned().into_any())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.0, number).into_any())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.0, number).into_any())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(PyFloat::new(self.0, number).into_any())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(PyString::new(self.0, text).into_any())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let list = PyList::empty(self.0);
        while let Some(item) = items.next_element_seed(self)? {
            list.append(item).map_err(A::Error::custom)?;
        }
        Ok(list.into_any())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let dict = PyDict::new(self.0);
        while let Some(key) = members.next_key_seed(self)? {
            dict.set_item(key, members.next_value_seed(self)?).map_err(A::Error::custom)?;
        }
        Ok(dict.into_any())
    }
}
