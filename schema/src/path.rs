//! Paths of programs and libraries as `/proc` names them.

/// The last part, without what the kernel adds once the file was replaced.
pub fn base_name(path: &str) -> &str {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::base_name;

    #[test]
    fn folders_and_the_kernels_mark_are_left_out() {
        assert_eq!(base_name("/usr/lib/libfoo.so.1 (deleted)"), "libfoo.so.1");
        assert_eq!([base_name("shop"), base_name("/srv/"), base_name("")], ["shop", "", ""]);
    }
}
