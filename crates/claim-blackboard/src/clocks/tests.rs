//! Clocks that differ and leap, without a network.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::sync::atomic::{AtomicI64, Ordering};

use claim_http::Metrics;

use super::*;

const BEGIN: i64 = 1_790_000_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(BEGIN + millis)
}

/// A Blackboard's clocks on a machine where they can be set, and what is told.
struct Scene {
    set: Arc<AtomicI64>,
    clocks: Clocks,
    told: Arc<Mutex<Vec<ClockNews>>>,
    cuhk: Origin,
    other: Origin,
}

impl Scene {
    /// So many milliseconds ahead from the start on; no time passes.
    fn ahead(millis: i64) -> Self {
        let (set, told) = (Arc::new(AtomicI64::new(millis)), Arc::<Mutex<Vec<_>>>::default());
        let (clock, heard) = (Arc::clone(&set), Arc::clone(&told));
        let clock = Clock::steadied(move || at(clock.load(Ordering::SeqCst)), || Duration::ZERO);
        let observer: Observer = Arc::new(move |event| {
            let Event::Clock(news) = event else { return };
            heard.lock().unwrap().push(news);
        });
        Self {
            set,
            clocks: Clocks::new(clock, observer, Counters::registered(&Metrics::new())),
            told,
            cuhk: "https://cuhk.example:9335".parse().unwrap(),
            other: "https://witness.example:9337".parse().unwrap(),
        }
    }

    fn set(&self, millis: i64) {
        self.set.store(millis, Ordering::SeqCst);
    }

    /// A cosignature of CUHK's, whose clock is right; the exchange takes no time.
    fn cosigned(&self) {
        let now = self.clocks.now();
        let exchange = Exchange { sent: now, received: now };
        self.clocks.compare(&self.cuhk, true, exchange, at(0));
    }

    #[track_caller]
    fn tells(&self, news: &[ClockNews]) {
        assert_eq!(std::mem::take(&mut *self.told.lock().unwrap()), news);
    }
}

#[test]
fn only_what_the_exchange_leaves_no_room_for_is_a_difference() {
    let ahead = |sent, received, told| {
        Exchange { sent: at(sent), received: at(received) }.ahead_of(at(told))
    };
    for (sent, received, told, expected) in [
        (0, 0, 0, 0),
        (999, 999, 0, 0), // the same second
        (1_000, 1_000, 0, 1),
        (3_999, 3_999, 0, 3_000),
        (-1, -1, 0, -1),
        (-3_000, -2_990, 0, -2_990),
        (-10_000, 10_000, 0, 0),     // a slow line
        (60_000, 70_000, 0, 59_001), // it cannot have taken so long
        (-70_000, -60_000, 0, -60_000),
    ] {
        assert_eq!(ahead(sent, received, told), expected, "{sent} {received} {told}");
    }
}

#[test]
fn a_difference_is_told_once_and_that_it_is_over() {
    let scene = Scene::ahead(3_999);
    scene.cosigned();
    scene.tells(&[]);
    let scene = Scene::ahead(4_000);
    scene.cosigned();
    scene.cosigned();
    let witness = scene.cuhk.clone();
    scene.tells(&[ClockNews::Differs { witness: witness.clone(), ahead_ms: 3_001 }]);
    // A gentle step, as time servers make them, puts it right.
    scene.set(1_000);
    scene.cosigned();
    scene.cosigned();
    scene.tells(&[ClockNews::Agrees { witness }]);
}

#[tokio::test(start_paused = true)]
async fn that_a_clock_is_wrong_is_told_again_every_hour() {
    let scene = Scene::ahead(-60_000);
    scene.cosigned();
    tokio::time::advance(TELL_EVERY - Duration::from_secs(1)).await;
    scene.cosigned();
    let differs = ClockNews::Differs { witness: scene.cuhk.clone(), ahead_ms: -60_000 };
    scene.tells(std::slice::from_ref(&differs));
    tokio::time::advance(Duration::from_secs(1)).await;
    scene.cosigned();
    scene.tells(&[differs]);
    let scene = Scene::ahead(0);
    scene.set(60_000);
    assert!(scene.clocks.have_leapt() && scene.clocks.have_leapt());
    scene.tells(&[ClockNews::Leapt { by: 60_000 }]);
    tokio::time::advance(TELL_EVERY).await;
    assert!(scene.clocks.have_leapt());
    scene.tells(&[ClockNews::Leapt { by: 60_000 }]);
}

#[test]
fn a_leap_that_cuhk_does_not_confirm_is_not_followed() {
    for by in [3_600_000, -3_600_000] {
        let scene = Scene::ahead(0);
        scene.set(by);
        assert!(scene.clocks.have_leapt());
        assert_eq!(scene.clocks.now(), at(0));
        scene.cosigned();
        scene.cosigned();
        assert!(scene.clocks.have_leapt());
        assert_eq!(scene.clocks.now(), at(0));
        scene.tells(&[ClockNews::Leapt { by }, ClockNews::LeapWrong { by }]);
        scene.set(0);
        assert!(!scene.clocks.have_leapt());
        scene.cosigned();
        scene.tells(&[ClockNews::LeapOver]);
    }
}

#[test]
fn a_clock_that_is_set_right_is_followed_when_cuhk_confirms_it() {
    for wrong in [3_600_000, -3_600_000] {
        let scene = Scene::ahead(wrong);
        scene.cosigned();
        let witness = scene.cuhk.clone();
        let ahead_ms = if wrong > 0 { wrong - 999 } else { wrong };
        scene.tells(&[ClockNews::Differs { witness: witness.clone(), ahead_ms }]);
        scene.set(0);
        assert!(scene.clocks.have_leapt());
        assert_eq!(scene.clocks.now(), at(wrong));
        scene.cosigned();
        assert_eq!(scene.clocks.now(), at(0));
        assert!(!scene.clocks.have_leapt());
        let by = -wrong;
        scene.tells(&[
            ClockNews::Leapt { by },
            ClockNews::Followed { by },
            ClockNews::Agrees { witness },
        ]);
    }
}

#[test]
fn nobody_but_cuhk_settles_a_leap() {
    let scene = Scene::ahead(0);
    scene.set(60_000);
    let exchange = Exchange { sent: at(0), received: at(0) };
    scene.clocks.compare(&scene.other, false, exchange, at(60_000));
    assert_eq!(scene.clocks.now(), at(0));
    let witness = scene.other.clone();
    scene.tells(&[ClockNews::Differs { witness, ahead_ms: -60_000 }]);
}

#[test]
fn a_line_so_slow_that_both_may_be_right_settles_nothing() {
    let scene = Scene::ahead(0);
    scene.set(5_000);
    assert!(scene.clocks.have_leapt());
    let exchange = Exchange { sent: at(-10_000), received: at(10_000) };
    scene.clocks.compare(&scene.cuhk, true, exchange, at(0));
    assert_eq!(scene.clocks.now(), at(0));
    scene.tells(&[ClockNews::Leapt { by: 5_000 }]);
}
