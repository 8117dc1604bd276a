//! `claim log witness`: cosigns logs, as anybody may.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use claim_http::Limits;
use claim_witness::{Config, ExternalTls, KeyPassphrase};

use crate::cli::WitnessArgs;
use crate::commands::cuhk::passphrase;
use crate::commands::{Context, Serving, StopSignals, Told};
use crate::exit::Exit;
use crate::files;
use crate::words;

pub(super) async fn run(arguments: WitnessArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let observer = Arc::new(move |event| terminal.tell(&words::witness::words(&event)));
    let signals = StopSignals::listen()?;
    let config = match config(&context.server_dir(), arguments, context) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    match claim_witness::start(config, observer).await {
        Ok(running) => {
            let (origin, nudge) = (running.origin().clone(), running.nudge());
            let run = |told: Told| running.run(told.stop());
            crate::commands::serve(Serving { origin, nudge, run }, signals, terminal).await
        }
        Err(error) => {
            terminal.failure(&error.to_string(), error.why().as_deref(), &error.advice());
            // A unit of systemd need not try these again.
            Ok(if error.is_wrong_secret() { Exit::Usage } else { Exit::Refused })
        }
    }
}

fn config(dir: &Path, arguments: WitnessArgs, context: &Context) -> Result<Config, Exit> {
    let WitnessArgs { name, logs, log_key, key_passphrase, root, server } = arguments;
    let mut config = Config::new(dir);
    if !server.listen.is_empty() {
        config.listen = server.listen;
    }
    config.name = name;
    config.logs = logs;
    config.keys = log_key;
    config.passphrase = passphrase(key_passphrase, context)?;
    config.root = root;
    config.public_url = server.public_url;
    config.database = server.database.database;
    let passphrase_of_tls = passphrase(server.tls_key_passphrase, context)?;
    let passphrase_of_tls = passphrase_of_tls.map(|text| KeyPassphrase::new(text.expose()));
    config.external_tls = server
        .tls_cert
        .zip(server.tls_key)
        .map(|(certificate, key)| ExternalTls { certificate, key, passphrase: passphrase_of_tls });
    config.metrics = server.metrics;
    config.limits = files::fit(&Limits::default());
    Ok(config)
}
