//! The walk through the groups of an HDF5 file.

use hdf5_pure::{File, Group};

use super::super::paths;
use super::dataset::{self, About};
use super::told;
use crate::arrays::npy::Fault;

// Links may make a group contain itself, so the depth and the number of groups are limited.
const MAX_DEPTH: usize = 16;
const MAX_OBJECTS: usize = 1 << 16;

/// All datasets of the file. MATLAB's groups for the contents of cells and objects, which have no
/// names of their own, are left out.
pub(super) fn list(file: &File, matlab: bool) -> Result<Vec<About>, Fault> {
    let mut walk = Walk { list: Vec::new(), groups: 0, matlab };
    walk.group(&file.root(), "", 0)?;
    Ok(walk.list)
}

struct Walk {
    list: Vec<About>,
    groups: usize,
    matlab: bool,
}

impl Walk {
    fn group(&mut self, group: &Group, path: &str, depth: usize) -> Result<(), Fault> {
        self.groups += 1;
        if self.groups > MAX_OBJECTS {
            return Err(Fault(format!("it has more than {MAX_OBJECTS} groups")));
        }
        let failed = |error| Fault(format!("group {:?}: {}", shown(path), told(error)));
        for (name, dataset) in group.iter_datasets().map_err(failed)? {
            self.push(dataset::about(&dataset, paths::joined(path, &name), self.matlab))?;
        }
        for (name, inner) in group.iter_groups().map_err(failed)? {
            if self.matlab && depth == 0 && matches!(name.as_str(), "#refs#" | "#subsystem#") {
                continue;
            }
            let path = paths::joined(path, &name);
            if self.matlab && inner.attrs().map_err(failed)?.contains_key("MATLAB_sparse") {
                self.push(About::group(path, "sparse"))?;
            } else if depth == MAX_DEPTH {
                self.push(About::group(path, "group inside too many groups to be searched"))?;
            } else {
                self.group(&inner, &path, depth + 1)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, about: About) -> Result<(), Fault> {
        if self.list.len() == MAX_OBJECTS {
            return Err(Fault(format!("it has more than {MAX_OBJECTS} datasets")));
        }
        self.list.push(about);
        Ok(())
    }
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}
