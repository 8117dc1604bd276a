//! `claim log witness`: cosigns logs, as anybody may.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use claim_http::Limits;
use claim_witness::{Config, ExternalTls};

use crate::cli::WitnessArgs;
use crate::commands::{Context, Serving, StopSignals, Told};
use crate::exit::Exit;
use crate::files;
use crate::words;

pub(super) async fn run(arguments: WitnessArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let observer = Arc::new(move |event| terminal.tell(&words::witness::words(&event)));
    let signals = StopSignals::listen()?;
    match claim_witness::start(config(&context.server_dir(), arguments), observer).await {
        Ok(running) => {
            let (origin, nudge) = (running.origin().clone(), running.nudge());
            let run = |told: Told| running.run(told.stop());
            crate::commands::serve(Serving { origin, nudge, run }, signals, terminal).await
        }
        Err(error) => {
            terminal.failure(&error.to_string(), error.why().as_deref(), &error.advice());
            Ok(Exit::Refused)
        }
    }
}

fn config(dir: &Path, arguments: WitnessArgs) -> Config {
    let WitnessArgs { name, logs, log_key, root, server } = arguments;
    let mut config = Config::new(dir);
    if !server.listen.is_empty() {
        config.listen = server.listen;
    }
    config.name = name;
    config.logs = logs;
    config.keys = log_key;
    config.root = root;
    config.public_url = server.public_url;
    config.database = server.database.database;
    config.external_tls = server
        .tls_cert
        .zip(server.tls_key)
        .map(|(certificate, key)| ExternalTls { certificate, key });
    config.metrics = server.metrics;
    config.limits = files::fit(&Limits::default());
    config
}
