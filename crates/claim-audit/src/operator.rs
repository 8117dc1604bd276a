//! Which user of the machine runs the program.

use rustix::process::getuid;

/// The user, by number and where it is known by name; through `sudo` also who called it.
pub fn operator() -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let sudo = std::env::var("SUDO_USER").ok();
    describe(getuid().as_raw(), &users, sudo.as_deref())
}

fn describe(uid: u32, users: &str, sudo: Option<&str>) -> String {
    let number = uid.to_string();
    let named = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    };
    let user = match users.lines().find_map(named) {
        Some(name) => format!("{name} (uid {uid})"),
        None => format!("uid {uid}"),
    };
    // Whoever is root can say anything here; it is for those who want it to be told.
    match sudo.filter(|name| uid == 0 && !name.is_empty()) {
        Some(name) => format!("{user}, for {}", name.escape_debug()),
        None => user,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_told_by_name_and_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(describe(1000, users, None), "ann (uid 1000)");
        assert_eq!(describe(1001, users, Some("ann")), "uid 1001");
        assert_eq!(describe(0, users, Some("ann")), "root (uid 0), for ann");
        assert_eq!(describe(0, "", None), "uid 0");
    }
}
