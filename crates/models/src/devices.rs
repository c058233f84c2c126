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

/// What this binary can make of a device here.
pub enum Status {
    /// It can be used.
    Usable,
    /// It was not compiled in.
    NotCompiled,
    /// This machine does not have it; the reason.
    NotFound(String),
}

impl Entry {
    /// Whether this binary can use it on this machine.
    pub fn status(&self) -> Status {
        match self.open.map(|open| open()) {
            None => Status::NotCompiled,
            Some(Ok(_)) => Status::Usable,
            Some(Err(reason)) => Status::NotFound(reason),
        }
    }
}

/// No such device, or none that this binary or this machine can use.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The name is that of no device.
    #[error(
        "unknown device \"{0}\": the devices are cpu, gpu, cuda and ndarray (see `attractor list devices`)"
    )]
    Unknown(String),
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

/// The device of this name.
///
/// # Errors
/// [`DeviceError`], with the way out.
pub fn open(name: &str) -> Result<Device, DeviceError> {
    let entry = DEVICES
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| DeviceError::Unknown(name.to_owned()))?;
    let open = entry.open.ok_or(DeviceError::NotCompiled(entry.name, entry.feature))?;
    open().map_err(|reason| DeviceError::NotFound(entry.name, reason))
}

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
        assert!(open("cpu").is_ok());
        assert!(matches!(DEVICES[0].status(), Status::Usable));
        assert!(open("tpu").is_err_and(|e| e.to_string().contains("cpu, gpu, cuda and ndarray")));
        for entry in DEVICES.iter().filter(|entry| entry.open.is_none()) {
            let message = open(entry.name).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(message.contains(&format!("--features {}", entry.feature)), "{message}");
        }
    }
}
