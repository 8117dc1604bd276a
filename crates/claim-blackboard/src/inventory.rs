//! Whether the files that the records tell of are there: a disk that is not mounted looks like a folder that is empty.

use claim_log::{Edge, TreeSize};
use claim_store::blackboard::BlackboardStore;
use claim_store::{ObjectName, Objects};

use crate::start_error::StartError;

/// Looks for the files at the edge of the log, and for some pieces of claims.
///
/// It finds out that the folder was lost, is another one or an older one; not that some file in it is damaged, which is
/// told when it is read.
///
/// # Errors
/// [`StartError::FilesLost`] names the first that is missing: Blackboard must not serve, and say that it has what it has
/// not, nor put new files where the old ones will come to lie over them.
pub(crate) async fn look(store: &BlackboardStore, objects: &Objects) -> Result<(), StartError> {
    let mut wanted = Vec::new();
    if let Some(head) = store.log_head().await? {
        let size = TreeSize::try_from(head.published_size).map_err(StartError::LogSize)?;
        let files = Edge::resources(size).into_iter();
        wanted.extend(files.map(|resource| ObjectName::log(&resource.to_string())));
    }
    let pieces = store.some_durable_pieces().await?;
    wanted.extend(pieces.into_iter().map(|(claim, piece)| ObjectName::piece(claim, piece)));
    for name in wanted {
        if objects.read(&name).await?.is_none() {
            let folder = objects.folder().to_owned();
            return Err(StartError::FilesLost { folder, name: name.to_string() });
        }
    }
    Ok(())
}
