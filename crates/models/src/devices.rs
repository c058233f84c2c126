//! Where tensors live: the one place that knows a backend's name.

use burn::tensor::Device;

/// A device of the command line.
pub struct Entry {
    /// Its name after `--device`.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// The cargo feature that compiles it in, empty where it always is.
    pub feature: &'static str,
    /// Opens it, or says why this machine has none; nothing where it is not compiled in.
    open: Option<fn() -> Result<Device, String>>,
}

/// Every device, compiled in or not.
pub const DEVICES: &[Entry] = &[
    Entry {
        name: "cpu",
        about: "the processor, by Burn flex",
        feature: "",
        open: Some(|| Ok(Device::flex())),
    },
    Entry {
        name: "gpu",
        about: "a graphics card, by wgpu",
        feature: "gpu",
        #[cfg(feature = "gpu")]
        open: Some(|| cube::first(burn::tensor::DeviceType::Wgpu, "Vulkan, Metal or DirectX 12")),
        #[cfg(not(feature = "gpu"))]
        open: None,
    },
    Entry {
        name: "cuda",
        about: "an NVIDIA card, by CUDA",
        feature: "cuda",
        #[cfg(feature = "cuda")]
        open: Some(|| cube::first(burn::tensor::DeviceType::Cuda, "CUDA")),
        #[cfg(not(feature = "cuda"))]
        open: None,
    },
    Entry {
        name: "ndarray",
        about: "Burn's deprecated ndarray",
        feature: "ndarray",
        #[cfg(feature = "ndarray")]
        open: Some(|| Ok(Device::ndarray())),
        #[cfg(not(feature = "ndarray"))]
        open: None,
    },
];

impl Entry {
    /// The device.
    ///
    /// # Errors
    /// [`DeviceError`], with the way out.
    pub fn open(&self) -> Result<Device, DeviceError> {
        let open = self.open.ok_or(DeviceError::NotCompiled(self.name, self.feature))?;
        open().map_err(|reason| DeviceError::NotFound(self.name, reason))
    }
}

/// A device that this binary or this machine cannot use.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// It was not compiled in.
    #[error(
        "device {0} is not compiled into this program: build it with `cargo build --release --features {1}`, or \
         use --device cpu"
    )]
    NotCompiled(&'static str, &'static str),
    /// The machine does not have it.
    #[error("device {0} cannot be used on this machine: {1}; --device cpu always can")]
    NotFound(&'static str, String),
}

/// The processor.
pub const CPU: &Entry = &DEVICES[0];

#[cfg(any(feature = "gpu", feature = "cuda"))]
mod cube {
    use burn::tensor::{Device, DeviceType};

    /// The first device of a kind.
    pub(super) fn first(kind: DeviceType, by: &str) -> Result<Device, String> {
        // A driver that is missing shows as a panic in the library that looks for it, on this thread.
        let found = std::panic::catch_unwind(|| Device::enumerate(kind).into_vec().into_iter().next());
        found.ok().flatten().ok_or_else(|| format!("no {by} driver reports a device"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_errors_name_the_way_out() {
        assert!(CPU.name == "cpu" && CPU.open().is_ok());
        for entry in DEVICES.iter().filter(|entry| entry.open.is_none()) {
            let message = entry.open().err().map(|e| e.to_string()).unwrap_or_default();
            assert!(message.contains(&format!("--features {}", entry.feature)), "{message}");
        }
    }
}
