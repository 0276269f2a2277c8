//! Writing small files so that a power cut leaves the old one or the new one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tempfile::NamedTempFile;

/// How many wait for the disk at once.
const WRITERS: usize = 16;

/// Does `work` for each of `items`, several at a time: a disk that is asked to keep several
/// files at once takes little longer than for one. One that fails is the result, when
/// nobody is at work any more. Blocks.
pub(crate) fn together<T: Sync, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let take = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(item)?;
        }
        Ok(())
    };
    if items.len() < 2 {
        return take();
    }
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS.min(items.len())).map(|_| scope.spawn(take)).collect();
        let ends = writers.into_iter().map(|writer| match writer.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ends.collect()
    })
}

/// Replaces what is at `path` by `bytes`; folders that are missing are made.
/// When this returns, the new content survives a crash.
///
/// The file is written in `staging`, which is on the same file system and is
/// emptied at every start. Blocks.
pub(crate) fn replace(staging: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folders(folder)?;
    let mut file = NamedTempFile::new_in(staging)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Makes a rename or removal in `folder` survive a crash. Blocks.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Makes a folder and those above it, and each of them survive a crash.
fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new("."));
    make_folders(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(above),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn everything_is_done_once_and_a_failure_is_told() {
        for count in [0, 1, 2, 7, 100] {
            let (items, done): (Vec<_>, _) = ((0..count).collect(), Mutex::new(Vec::new()));
            together(&items, |&item: &usize| {
                done.lock().unwrap().push(item);
                Ok::<_, ()>(())
            })
            .unwrap();
            let mut done = done.into_inner().unwrap();
            done.sort_unstable();
            assert_eq!(done, items);
            let fails = |&item: &usize| if item + 1 == count { Err(item) } else { Ok(()) };
            assert_eq!(together(&items, fails).err(), count.checked_sub(1));
        }
    }
}
