//! Devices, and the renewal of the certificate that one has.

use claim_core::DeviceName;
use clap::Args;

use super::IdentityArgs;

/// What the device is called.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeviceArgs {
    /// What to call this device, so that you know its certificate from your others [default: this machine's name]
    #[arg(long, env = "CLAIM_DEVICE", value_name = "NAME")]
    pub(crate) device: Option<DeviceName>,
}

/// `claim student renew`.
#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    /// Make another private key, which takes the place of the one there is
    #[arg(long)]
    pub(crate) new_key: bool,
    /// Keep the private key; this is what happens where nothing is said
    #[arg(long, conflicts_with = "new_key")]
    pub(crate) keep_key: bool,
    /// What to call this device from now on
    #[arg(long, value_name = "NAME")]
    pub(crate) device: Option<DeviceName>,
    #[command(flatten)]
    pub(crate) student: IdentityArgs,
}
