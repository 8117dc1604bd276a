//! Whose export a file is.

use std::fmt;

use serde::Serialize;

/// The systems whose exports are known by their columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// None of the others: a table with a column of SIDs.
    Plain,
    /// Moodle: its list of participants, or its grades.
    Moodle,
    /// Canvas: its gradebook, or the people of a group set.
    Canvas,
    /// Blackboard Learn: its grade centre.
    Blackboard,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "a plain table",
            Self::Moodle => "Moodle",
            Self::Canvas => "Canvas",
            Self::Blackboard => "Blackboard Learn",
        })
    }
}

impl Format {
    /// By the names of the columns, in the form of [`plain`].
    pub(super) fn of(header: &[String]) -> Self {
        let plain: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let has = |wanted: &[&str]| plain.iter().any(|name| wanted.contains(&name.as_str()));
        let canvas = ["sisuserid", "sisloginid", "canvasuserid"];
        if has(&canvas) || (has(&["student"]) && has(&["id"]) && has(&["section"])) {
            Self::Canvas
        } else if header.iter().any(|name| is_blackboard_item(name))
            || (has(&["username"]) && has(&["studentid", "lastaccess", "availability"]))
        {
            Self::Blackboard
        } else if has(ID_NUMBER) || (has(FIRST) && has(LAST)) {
            Self::Moodle
        } else {
            Self::Plain
        }
    }

    /// Whether a column's values change by themselves: grades, and when somebody was last there.
    pub(super) fn leaves_out(self, name: &str) -> bool {
        match self {
            Self::Plain => false,
            Self::Moodle => {
                let shown = ["(Real)", "(Percentage)", "(Letter)", "(Feedback)"];
                shown.iter().any(|end| name.ends_with(end))
                    || ["lastdownloadedfromthiscourse", "lastaccesstocourse", "lastaccess"]
                        .contains(&plain(name).as_str())
            }
            Self::Canvas => is_canvas_item(name) || is_canvas_total(name),
            Self::Blackboard => is_blackboard_item(name) || plain(name) == "lastaccess",
        }
    }
}

/// `Lab 1 (1234)`: an assignment with its number.
fn is_canvas_item(name: &str) -> bool {
    let number = name.strip_suffix(')').and_then(|name| name.rsplit_once(" ("));
    number.is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// `Labs Unposted Final Score`, `Current Points (Autumn)`: what Canvas computes.
fn is_canvas_total(name: &str) -> bool {
    let name = name.split(" (").next().unwrap_or_default();
    ["Current", "Final", "Override"].iter().any(|which| {
        ["Score", "Points", "Grade", "Status"]
            .iter()
            .any(|what| name.ends_with(&format!("{which} {what}")))
    })
}

/// `Lab 1 [Total Pts: 100 Score] |1234`.
fn is_blackboard_item(name: &str) -> bool {
    let number = name.rsplit_once('|').map(|(_, number)| number.trim());
    name.contains("[Total Pts:")
        || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|digit| digit.is_ascii_digit()))
}

/// A column's name without what differs between spellings: case, spaces, `_`, `-`, apostrophes.
pub(super) fn plain(name: &str) -> String {
    let counts = |c: &char| c.is_alphanumeric();
    name.chars().filter(counts).flat_map(char::to_lowercase).collect()
}

// The names that Moodle's translations give to its columns, in English, German, French, Spanish, Chinese (both
// scripts) and Japanese; the other systems' exports have English ones.
pub(super) const ID_NUMBER: &[&str] = &[
    "idnumber",
    "idnummer",
    "numérodidentification",
    "númerodeid",
    "学号",
    "識別號碼",
    "idナンバー",
];
pub(super) const FIRST: &[&str] =
    &["firstname", "givenname", "vorname", "prénom", "nombre", "名", "名字"];
pub(super) const LAST: &[&str] = &[
    "lastname",
    "surname",
    "familyname",
    "nachname",
    "nom",
    "nomdefamille",
    "apellido",
    "apellidos",
    "姓",
    "姓氏",
];
pub(super) const EMAIL: &[&str] = &[
    "email",
    "emailaddress",
    "mail",
    "emailadresse",
    "adressedecourriel",
    "direccióndecorreo",
    "email地址",
    "電子郵件",
    "メールアドレス",
];
pub(super) const GROUPS: &[&str] =
    &["groups", "group", "groupname", "gruppen", "groupes", "grupos", "小组", "群組", "グループ"];
pub(super) const LOGIN: &[&str] = &[
    "sisloginid",
    "loginid",
    "login",
    "username",
    "anmeldename",
    "nomdutilisateur",
    "nombredeusuario",
    "用户名",
    "帳號",
    "ユーザ名",
];
