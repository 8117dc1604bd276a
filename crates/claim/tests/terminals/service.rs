//! What systemd is told: when the program serves, that it lives, and when it stops.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::course::Course;
use crate::program::Program;

/// Nothing that is waited for takes nearly as long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(45);

/// The socket of a service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn new(course: &Course) -> Self {
        let socket = UnixDatagram::bind(course.folder.path("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn start(&self, course: &Course, name: &str) -> Program {
        let mut command = course.folder.command(&[name]);
        command.env("NOTIFY_SOCKET", course.folder.path("notify")).env("WATCHDOG_USEC", "200000");
        Program::start(command)
    }

    /// Waits for a notice with this line, and returns it.
    fn hears(&self, line: &str) -> String {
        loop {
            let mut bytes = [0; 4096];
            let length = self.0.recv(&mut bytes).unwrap_or_else(|error| panic!("{line}: {error}"));
            let notice = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if notice.lines().any(|told| told == line) {
                return notice;
            }
        }
    }

    fn has_heard_nothing(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let heard = self.0.recv(&mut [0]);
        self.0.set_nonblocking(false).unwrap();
        heard.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

#[test]
fn both_servers_tell_when_they_serve_live_and_stop() {
    let course = Course::new();
    let manager = Manager::new(&course);
    // Blackboard is not ready before it is certified.
    let blackboard = manager.start(&course, "blackboard");
    blackboard.out.line("Waiting for CUHK to leave ");
    assert!(manager.has_heard_nothing());
    let cuhk = manager.start(&course, "cuhk");
    for url in [&course.cuhk, &course.blackboard] {
        let ready = manager.hears(&format!("STATUS=Serving as {url}"));
        assert!(ready.starts_with("READY=1\n"), "{ready}");
    }
    for server in [blackboard, cuhk] {
        manager.hears("WATCHDOG=1");
        manager.hears("WATCHDOG=1");
        server.signal("TERM");
        manager.hears("STOPPING=1");
        server.end().expect(0);
    }
}
