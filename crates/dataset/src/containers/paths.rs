//! Paths of arrays inside groups: `/run1/x` is the array `x` of the group `run1`.

/// The position of the name that the path means; the path may start with `/` or not.
pub(super) fn position<'a>(mut names: impl Iterator<Item = &'a str>, path: &str) -> Option<usize> {
    let path = path.strip_prefix('/').unwrap_or(path);
    names.position(|name| name.strip_prefix('/').unwrap_or(name) == path)
}

/// The path of `name` inside `group`; `group` is empty for names outside of all groups.
pub(super) fn joined(group: &str, name: &str) -> String {
    match group {
        "" => name.into(),
        _ if group.starts_with('/') => format!("{group}/{name}"),
        _ => format!("/{group}/{name}"),
    }
}
