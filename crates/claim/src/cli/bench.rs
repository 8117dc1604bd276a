//! `claim bench`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand};

/// `claim bench`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  claim bench sessions\n  claim bench sessions --seconds 20 --students 500 --json\n  claim bench handin --students 800 --concurrency 200\n  claim bench upload --megabytes 256\n  claim bench enroll\n  claim bench verify\n  claim bench overload\n  claim bench hostile\n  claim bench course"
)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) command: BenchCommand,
}

/// How much load there is.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoadArgs {
    /// How long each phase runs
    #[arg(long, env = "CLAIM_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) seconds: u64,
    /// How many different students take part
    #[arg(long, env = "CLAIM_STUDENTS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) students: u32,
    /// How many of them at once
    #[arg(long, env = "CLAIM_CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) concurrency: u32,
}

/// `claim bench upload`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UploadArgs {
    /// The size of the large file, in MiB; 0 leaves it out
    #[arg(long, env = "CLAIM_MEGABYTES", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(0..=65_536))]
    pub(crate) megabytes: u64,
    /// How many files of 20 KB; 0 leaves them out
    #[arg(long, env = "CLAIM_FILES", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub(crate) files: u64,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Steps 3 to 5 against a Blackboard in its own process, over new and over kept connections
    Sessions(LoadArgs),
    /// Whole hand-ins: each a new connection, a session, a claim, a file of 20 KB and the receipt
    #[command(name = "handin")]
    HandIn {
        #[command(flatten)]
        load: LoadArgs,
        /// Also count the server's system calls, with strace (which must be installed)
        #[arg(long, env = "CLAIM_CALLS", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
        calls: bool,
    },
    /// One large file, and many small ones, with what they cost the server
    Upload(UploadArgs),
    /// How many receipts the verifier judges a second
    Verify {
        /// How long it is measured
        #[arg(long, env = "CLAIM_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
        seconds: u64,
        /// How many different receipts, which are made before
        #[arg(long, env = "CLAIM_RECEIPTS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        receipts: u32,
    },
    /// Steps 1 and 2: certificates by one-time codes, over kept connections, beside a signature and a verification
    Enroll(EnrollArgs),
    /// A course as large as they come: how long each list takes, and how much memory
    Course(CourseBenchArgs),
    /// What a connection costs the server while nothing happens on it
    Idle {
        /// How many are open at once
        #[arg(long, env = "CLAIM_CONNECTIONS", default_value_t = 9_900, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        connections: u32,
    },
    /// Three times as many hand-ins as can be served: what is served all the same, and what is refused how
    Overload(OverloadArgs),
    /// Both servers under attack, each in its own process, with honest students beside the attacker
    Hostile(HostileArgs),
}

/// `claim bench enroll`.
#[derive(Clone, Debug, Args)]
pub(crate) struct EnrollArgs {
    /// How many students enrol, each with a code of their own; the first tenth is not counted
    #[arg(long, env = "CLAIM_STUDENTS", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) students: u32,
    /// Over how many connections, which stay open
    #[arg(long, env = "CLAIM_CONCURRENCY", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) concurrency: u32,
}

/// `claim bench overload`.
#[derive(Clone, Debug, Args)]
pub(crate) struct OverloadArgs {
    /// How long each phase runs: whole hand-ins, lodgings alone, and the overload
    #[arg(long, env = "CLAIM_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=120))]
    pub(crate) seconds: u64,
    /// How many times as many hand-ins are begun as were measured at most
    #[arg(long, env = "CLAIM_TIMES", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) times: u32,
    /// How many students come at once while the most is measured
    #[arg(long, env = "CLAIM_CONCURRENCY", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) concurrency: u32,
    /// From how many addresses of this machine they come
    #[arg(long, env = "CLAIM_ADDRESSES", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) addresses: u32,
}

/// `claim bench hostile`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  claim bench hostile\n  claim bench hostile --attack rapid-reset --seconds 5 --same-address"
)]
pub(crate) struct HostileArgs {
    /// The attack; may be repeated [default: all of them]
    #[arg(long, env = "CLAIM_ATTACKS", value_name = "NAME", value_delimiter = ',')]
    pub(crate) attack: Vec<String>,
    /// How long each round runs, without the attack and then with it
    #[arg(long, env = "CLAIM_SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) seconds: u64,
    /// How many rounds of both; what is told is the median
    #[arg(long, env = "CLAIM_ROUNDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) rounds: u32,
    /// How many honest students come at once
    #[arg(long, env = "CLAIM_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) concurrency: u32,
    /// Attack from the honest students' address instead of another
    #[arg(long, env = "CLAIM_SAME_ADDRESS", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) same_address: bool,
}

/// `claim bench course`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CourseBenchArgs {
    /// How many students are on the roster
    #[arg(long, env = "CLAIM_STUDENTS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) students: u32,
    /// How many assignments there are; the last one is handed in by groups
    #[arg(long, env = "CLAIM_ASSIGNMENTS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) assignments: u32,
    /// How many claims each student lodges for each of them
    #[arg(long, env = "CLAIM_CLAIMS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=25))]
    pub(crate) claims: u32,
    /// How many students hand in at once
    #[arg(long, env = "CLAIM_CONCURRENCY", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) concurrency: u32,
    /// How many answers of each list are measured
    #[arg(long, env = "CLAIM_REQUESTS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) requests: u32,
}
