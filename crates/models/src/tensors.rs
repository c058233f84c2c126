//! Named tensors in a safetensors file.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use dataset::files::write_atomically;
use safetensors::{Dtype, SafeTensors, View};
use trajectory::Precision;

/// Values that are of a precision, as a file holds them.
pub(crate) fn of_precision(precision: Precision, values: &[f64]) -> Values {
    match precision {
        Precision::F32 => Values::F32(values.iter().map(|&x| x as f32).collect()),
        Precision::F64 => Values::F64(values.to_vec()),
    }
}

/// The values of a tensor, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Weights, and what an optimiser keeps of them.
    F32(Vec<f32>),
    /// Scales, and weights that were trained in f64.
    F64(Vec<f64>),
}

/// A tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its extents.
    pub shape: Vec<usize>,
    /// As many values as their product.
    pub values: Values,
}

/// Tensors by name, with a text that says what they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    /// By name, in the order of the names.
    pub tensors: BTreeMap<String, Tensor>,
    /// Kept in the file under the key `attractor`.
    pub about: String,
}

/// A file of tensors that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TensorError(pub String);

impl Tensors {
    /// Adds a tensor.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Values) {
        self.tensors.insert(name.into(), Tensor { shape, values });
    }

    /// Adds a vector or matrix of weights.
    pub fn insert_f32(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) {
        self.insert(name, shape, Values::F32(values));
    }

    /// Adds a vector of scales.
    pub fn insert_f64(&mut self, name: impl Into<String>, values: Vec<f64>) {
        let shape = vec![values.len()];
        self.insert(name, shape, Values::F64(values));
    }

    /// Number of values in all.
    pub fn count(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.shape.iter().product::<usize>()).sum()
    }

    /// The precision of weights among which there is one of f64.
    pub(crate) fn precision(&self) -> Precision {
        let precise = self.tensors.values().any(|tensor| matches!(tensor.values, Values::F64(_)));
        if precise { Precision::F64 } else { Precision::F32 }
    }

    /// Adds all tensors of `other`, each under `prefix` and its name.
    pub fn insert_all(&mut self, prefix: &str, other: &Tensors) {
        for (name, tensor) in &other.tensors {
            self.tensors.insert(format!("{prefix}{name}"), tensor.clone());
        }
    }

    /// The tensors whose names start with `prefix`, without it.
    pub fn under(&self, prefix: &str) -> Tensors {
        let inside = |(name, tensor): (&String, &Tensor)| {
            Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone()))
        };
        Tensors { tensors: self.tensors.iter().filter_map(inside).collect(), about: self.about.clone() }
    }

    /// The values of the tensor `name`.
    ///
    /// # Errors
    /// Where there is none, or its shape is another.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&Values, TensorError> {
        match self.tensors.get(name) {
            Some(Tensor { shape: found, values }) if found == shape => Ok(values),
            Some(Tensor { shape: found, .. }) => {
                Err(TensorError(format!("tensor {name} has shape {found:?}, expected {shape:?}")))
            }
            None => Err(TensorError(format!("tensor {name} is missing"))),
        }
    }

    /// The values of the tensor `name`, whatever their precision.
    ///
    /// # Errors
    /// Where there is none, or its shape is another.
    pub fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f64>, TensorError> {
        Ok(match self.get(name, shape)? {
            Values::F32(values) => values.iter().map(|&x| f64::from(x)).collect(),
            Values::F64(values) => values.clone(),
        })
    }

    /// The values of the f64 vector `name`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn f64(&self, name: &str) -> Result<&[f64], TensorError> {
        match self.tensors.get(name) {
            Some(Tensor { values: Values::F64(values), .. }) => Ok(values),
            Some(_) => Err(TensorError(format!("tensor {name} is not of f64"))),
            None => Err(TensorError(format!("tensor {name} is missing"))),
        }
    }

    /// Writes all of it to `path`, whole or not at all; equal tensors give equal bytes.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        // One key only: the order of several would differ from run to run.
        let about = HashMap::from([("attractor".to_owned(), self.about.clone())]);
        let bytes =
            safetensors::serialize(self.tensors.iter(), Some(about)).map_err(std::io::Error::other)?;
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else.
    pub fn load(path: &Path) -> Result<Self, TensorError> {
        let fault = |error: &dyn std::fmt::Display| {
            TensorError(format!("{} is no file of tensors of this program: {error}", path.display()))
        };
        let bytes = std::fs::read(path)
            .map_err(|error| TensorError(format!("{} cannot be read: {error}", path.display())))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| fault(&error))?;
        let about = header.metadata().as_ref().and_then(|about| about.get("attractor").cloned());
        let read = SafeTensors::deserialize(&bytes).map_err(|error| fault(&error))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in read.iter() {
            let values = match view.dtype() {
                Dtype::F32 => Values::F32(numbers(view.data(), f32::from_le_bytes)),
                Dtype::F64 => Values::F64(numbers(view.data(), f64::from_le_bytes)),
                other => return Err(fault(&format!("tensor {name} is of {other:?}"))),
            };
            tensors.insert(name.to_owned(), Tensor { shape: view.shape().to_vec(), values });
        }
        Ok(Tensors { tensors, about: about.ok_or_else(|| fault(&"it does not say what it holds"))? })
    }
}

fn numbers<T, const N: usize>(bytes: &[u8], from: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| from(chunk)).collect()
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::F32(_) => Dtype::F32,
            Values::F64(_) => Dtype::F64,
        }
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        match &self.values {
            Values::F32(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Values::F64(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }
    fn data_len(&self) -> usize {
        match &self.values {
            Values::F32(values) => 4 * values.len(),
            Values::F64(values) => 8 * values.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Tensors {
        let mut tensors = Tensors { about: "a test".into(), ..Tensors::default() };
        tensors.insert_f32("network.weight", vec![2, 1], vec![1.5, -0.0]);
        tensors.insert_f64("scale", vec![0.1, f64::MIN_POSITIVE]);
        // as an optimiser that remembers steps has before its first
        tensors.insert_f64("steps", vec![]);
        tensors
    }

    #[test]
    fn tensors_come_back_and_equal_ones_give_equal_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        some().save(&a).unwrap();
        some().save(&b).unwrap();
        assert_eq!(Tensors::load(&a).unwrap(), some());
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        let network = some().under("network.");
        assert_eq!(network.numbers("weight", &[2, 1]).unwrap(), [1.5, -0.0]);
        assert!(network.numbers("weight", &[2]).unwrap_err().to_string().contains("shape [2, 1]"));
        assert!(network.f64("scale").unwrap_err().to_string().contains("missing"));
    }

    #[test]
    fn broken_files_are_refused_at_every_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        some().save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(Tensors::load(&path).unwrap_err().to_string().contains("no file of tensors"));
        }
        assert!(
            Tensors::load(&folder.path().join("none")).unwrap_err().to_string().contains("cannot be read")
        );
    }
}
