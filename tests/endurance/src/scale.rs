//! A thousand, ten thousand, a hundred thousand and a million entries, and what each
//! costs.
//!
//! The registries are generated: see `mcpkg_registry_server::generate` for what is
//! real about them and what is not. What is measured is real: the server as it is
//! built for others, releases that are signed and published to it, and the `mcpkg`
//! that installs one of them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use mcpkg_core::log::Receipt;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJson;
use mcpkg_registry_server::{
    Config, ConfigFile, GeneratedRelease, LogAction, Overrides, generate, manage, time_proofs,
};
use mcpkg_test_support::{Binaries, Draft, RegistryProcess, World};

use crate::client::Client;
use crate::figures::{Times, memory_mib, ms};
use crate::stock::Stock;
use crate::{Result, say};

/// How many releases each generated package has. They come one after the other, with
/// one of every other package in between.
const VERSIONS: u64 = 10;

/// How many generated releases can be read, evenly spread. Half of them are read
/// before anything is measured, so that the server is warm.
const READABLE: u64 = 400;

/// How often each thing is measured.
const STARTS: usize = 5;
const PUBLISHES: usize = 41;
const INSTALLS: usize = 9;

/// The longest a start may take, and a proof.
///
/// Source: the project's targets, "Scale, shown rather than claimed".
const START: Duration = Duration::from_secs(2);
const PROOF: Duration = Duration::from_millis(1);

/// What all registries are made with.
pub(crate) struct Setting {
    binaries: Binaries,
    stock: Stock,
    publisher: Publisher,
    bundle: Vec<u8>,
}

/// What was measured of one registry.
struct Row {
    entries: u64,
    /// Receipt and proof of consistency, measured inside of the server's code.
    proof: Times,
    start: Times,
    publish: Times,
    /// The baseline of it: a small file that is written and flushed.
    flush: Times,
    documents: Documents,
    install: Times,
    memory_mib: f64,
    log_bytes: u64,
    database_bytes: u64,
    generated: Duration,
}

/// What was measured of release documents.
#[derive(Default)]
struct Documents {
    /// One that was not asked for before, with both proofs.
    first: Times,
    /// The same from memory, with the proof that is made for each client.
    proved: Times,
    /// The same from memory, without.
    again: Times,
    /// The longest receipt.
    receipt_bytes: usize,
    receipt_hashes: usize,
    /// The longest of the other proofs.
    consistency_hashes: usize,
}

/// Measures registries of these sizes, and prints a table. Fails if one does not start
/// or prove as quickly as it has to.
pub(crate) fn run(sizes: &[u64]) -> Result<()> {
    let setting = Setting::new()?;
    let mut rows = Vec::new();
    for &entries in sizes {
        let row = setting.measure(entries)?;
        say(&format!("{entries} entries: generated in {} s", row.generated.as_secs()));
        rows.push(row);
    }
    print(&mut rows);
    for row in &mut rows {
        let entries = row.entries;
        if row.start.median() > START {
            return Err(format!("{entries} entries start in {}", ms(row.start.median())).into());
        }
        if row.proof.median() > PROOF {
            return Err(
                format!("{entries} entries: a proof takes {}", ms(row.proof.median())).into()
            );
        }
    }
    Ok(())
}

impl Setting {
    /// Signs one release, and publishes it somewhere to learn who that makes its
    /// publisher.
    pub(crate) fn new() -> Result<Self> {
        let binaries = Binaries::build(&["mcpkg", "mcpkg-registry"])?;
        let mut stock = Stock::new();
        stock.fill(1, None);
        let parcel = stock.queue().take().ok_or("nothing was signed")?;
        let folder = tempfile::tempdir()?;
        let program = binaries.program("mcpkg-registry");
        let registry = RegistryProcess::start(&program, folder.path(), &stock.trusted_root())?;
        let client = Client::new(registry.url())?;
        let (_, document) = runtime()?.block_on(client.publish(&parcel.submission))?;
        let bundle = parcel.submission.bundles.first().ok_or("nothing was signed")?.clone();
        Ok(Self { binaries, stock, publisher: document.publisher, bundle })
    }

    fn measure(&self, entries: u64) -> Result<Row> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let runtime = runtime()?;
        let began = Instant::now();
        let config = config(&data)?;
        runtime.block_on(self.generate(&config, entries))?;
        let generated = began.elapsed();
        // What was written must not be on its way to the disk while we measure.
        crate::program(std::process::Command::new("sync").arg("-f").arg(&data))?;
        let (log_bytes, database_bytes) = (allocated(&data.join("log"))?, database(&data)?);

        let proof = proofs(&config, entries)?;
        let start = self.starts(folder.path(), &runtime)?;
        let registry = self.start(folder.path())?;
        let client = Client::new(registry.url())?;
        let (publish, flush) = runtime.block_on(self.publishes(&client, &data, entries))?;
        let documents = runtime.block_on(Documents::read(&client, entries))?;
        let install = self.installs(&registry, &runtime, &client)?;
        let memory_mib = memory_mib(registry.id()).ok_or("the registry is gone")?;
        Ok(Row {
            entries,
            proof,
            start,
            publish,
            flush,
            documents,
            install,
            memory_mib,
            log_bytes,
            database_bytes,
            generated,
        })
    }

    async fn generate(&self, config: &Config, entries: u64) -> Result<()> {
        self.generate_packages(config, entries, packages(entries)).await
    }

    /// A registry of so many packages below `folder`, with one release each.
    pub(crate) fn generate_listed(&self, folder: &Path, packages: u64) -> Result<()> {
        let config = config(&folder.join("data"))?;
        runtime()?.block_on(self.generate_packages(&config, packages, packages))
    }

    async fn generate_packages(&self, config: &Config, entries: u64, packages: u64) -> Result<()> {
        manage(config, LogAction::Init).await?;
        let releases = (0..entries).map(|index| {
            let (name, version) = name_of(index, packages);
            let draft = Draft::of_remotes(&name, &version).server;
            let bytes = serde_json::to_vec(&draft).expect("JSON can be written");
            GeneratedRelease {
                server: ServerJson::read_strict(&bytes).expect("the draft is a server.json"),
                previous: index.checked_sub(packages),
                is_readable: index.is_multiple_of(stride(entries)),
                bundle: None,
            }
        });
        Ok(generate(config, &self.publisher, &self.bundle, releases).await?)
    }

    pub(crate) fn start(&self, folder: &Path) -> Result<RegistryProcess> {
        self.start_with(folder, "")
    }

    /// The same, with `more` in its configuration.
    pub(crate) fn start_with(&self, folder: &Path, more: &str) -> Result<RegistryProcess> {
        let program = self.binaries.program("mcpkg-registry");
        RegistryProcess::configure(folder, &self.stock.trusted_root(), more)?;
        Ok(RegistryProcess::launch_configured(&program, folder)?.listening()?)
    }

    /// From the start of the process to its first answer.
    fn starts(&self, folder: &Path, runtime: &tokio::runtime::Runtime) -> Result<Times> {
        let mut times = Times::default();
        for _ in 0..STARTS {
            let began = Instant::now();
            let registry = self.start(folder)?;
            runtime.block_on(Client::new(registry.url())?.checkpoint())?;
            times.add(began.elapsed());
        }
        Ok(times)
    }

    /// Releases that are signed, each after the other: the whole request, with what it
    /// takes to verify the evidence and to write the blobs. A publish waits for the
    /// disk about a dozen times, so what the disk takes is measured right after each.
    async fn publishes(
        &self,
        client: &Client,
        data: &Path,
        entries: u64,
    ) -> Result<(Times, Times)> {
        let (sigstore, signer) = self.stock.signer();
        let (mut times, mut flushes) = (Times::default(), Times::default());
        for number in 0..PUBLISHES {
            let name = format!("io.github.acme/real-{entries}");
            let version = format!("1.{number}.0");
            let submission = Draft::new(&name, &version).sign(sigstore, signer);
            let began = Instant::now();
            client.publish(&submission).await?;
            times.add(began.elapsed());
            flushes.add(flush(data)?);
        }
        Ok((times, flushes))
    }

    /// `mcpkg install` of one package, the whole process, each time by somebody new.
    fn installs(
        &self,
        registry: &RegistryProcess,
        runtime: &tokio::runtime::Runtime,
        client: &Client,
    ) -> Result<Times> {
        const NAME: &str = "io.github.acme/weather";
        let (sigstore, signer) = self.stock.signer();
        let submission = Draft::new(NAME, "1.0.0").sign(sigstore, signer);
        runtime.block_on(client.publish(&submission))?;
        let mut times = Times::default();
        for _ in 0..INSTALLS {
            let person = World::new(self.binaries.program("mcpkg"));
            person.file("trusted_root.json", self.stock.trusted_root());
            person.file(".claude.json", "{}\n");
            let args = ["registry", "add", "test", registry.url(), "--private"];
            let root = ["--no-public-good", "--trusted-root", "trusted_root.json"];
            let names = ["--trust-for", "io.github.acme/*"];
            succeed(&person, &[args.as_slice(), &root, &names].concat())?;
            let began = Instant::now();
            succeed(&person, &["install", NAME, "--yes", "--quiet"])?;
            times.add(began.elapsed());
        }
        Ok(times)
    }
}

impl Documents {
    /// Reads documents that nobody has asked for, with the proof that their receipts'
    /// trees are the start of the newest; and the same again.
    async fn read(client: &Client, entries: u64) -> Result<Self> {
        let at = client.checkpoint().await?;
        let at: u64 = at.lines().nth(1).ok_or("the checkpoint has no size")?.parse()?;
        let mut documents = Self::default();
        let readable = (0..entries).step_by(usize::try_from(stride(entries))?);
        for (turn, index) in readable.enumerate() {
            let (name, version) = name_of(index, packages(entries));
            let path = format!("/v1/packages/{name}/{version}");
            let mut times = Vec::new();
            let mut bodies = Vec::new();
            for path in [format!("{path}?at={at}"), format!("{path}?at={at}"), path] {
                let began = Instant::now();
                bodies.push(client.get(&path).await?);
                times.push(began.elapsed());
            }
            // Every other one warms the server up for the next.
            if turn % 2 == 1 {
                let all = [&mut documents.first, &mut documents.proved, &mut documents.again];
                all.into_iter().zip(times).for_each(|(all, time)| all.add(time));
            }
            documents.weigh(&bodies[0])?;
        }
        Ok(documents)
    }

    /// Looks how long the proofs of a document are.
    fn weigh(&mut self, body: &[u8]) -> Result<()> {
        let value: serde_json::Value = serde_json::from_slice(body)?;
        let text = value["log"]["receipt"].as_str().ok_or("there is no receipt")?;
        let receipt: Receipt = text.parse()?;
        let consistency = value["log"]["consistency"].as_array().ok_or("there is no proof")?;
        self.receipt_bytes = self.receipt_bytes.max(text.len());
        self.receipt_hashes = self.receipt_hashes.max(receipt.proof.len());
        self.consistency_hashes = self.consistency_hashes.max(consistency.len());
        Ok(())
    }
}

/// How long the disk takes for a small file.
fn flush(folder: &Path) -> Result<Duration> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let began = Instant::now();
    file.write_all(&[0; 4096])?;
    file.as_file().sync_all()?;
    Ok(began.elapsed())
}

/// The registry in `data`, which trusts nobody.
fn config(data: &Path) -> Result<Config> {
    let file = ConfigFile { trust_public_good: Some(false), ..ConfigFile::default() };
    let overrides = Overrides { data: Some(data.to_owned()), ..Overrides::default() };
    Ok(file.resolve(&overrides)?)
}

/// What proofs take where they are made, half of them to warm up.
fn proofs(config: &Config, entries: u64) -> Result<Times> {
    let indices = (0..entries).step_by(usize::try_from(stride(entries))?);
    let mut times = Times::default();
    for time in time_proofs(config, indices)?.into_iter().skip(1).step_by(2) {
        times.add(time);
    }
    Ok(times)
}

/// How many packages the releases are of.
fn packages(entries: u64) -> u64 {
    entries.div_ceil(VERSIONS)
}

/// How far apart the releases are that can be read.
fn stride(entries: u64) -> u64 {
    (entries / READABLE).max(1)
}

fn name_of(index: u64, packages: u64) -> (String, String) {
    let (package, version) = (index % packages, index / packages);
    (format!("io.github.acme/generated-{package}"), format!("1.{version}.0"))
}

fn succeed(person: &World, args: &[&str]) -> Result<()> {
    let outcome = person.run(args);
    if outcome.code == Some(0) { Ok(()) } else { Err(format!("mcpkg {args:?}\n{outcome}").into()) }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The room that the files below `path` take on the disk, in bytes.
fn allocated(path: &Path) -> Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    // Source: stat(2); a block is 512 bytes, whatever those of the file system are.
    let mut bytes = metadata.blocks() * 512;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            bytes += allocated(&entry?.path())?;
        }
    }
    Ok(bytes)
}

/// The room that the database takes, in bytes.
fn database(data: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("registry.sqlite3") {
            bytes += allocated(&entry.path())?;
        }
    }
    Ok(bytes)
}

fn print(rows: &mut [Row]) {
    let head: Vec<String> = rows.iter().map(|row| format!("{} entries", row.entries)).collect();
    say(&format!("\n| what | {} |", head.join(" | ")));
    say(&format!("|---|{}", "---|".repeat(rows.len())));
    let mut line = |what: &str, figure: &dyn Fn(&mut Row) -> String| {
        let figures: Vec<String> = rows.iter_mut().map(figure).collect();
        say(&format!("| {what} | {} |", figures.join(" | ")));
    };
    let mib = |bytes: u64| bytes / (1 << 20);
    line("start to first answer", &|row| ms(row.start.median()));
    line("publish of a release, the whole request", &|row| ms(row.publish.median()));
    line("baseline: a file of 4 KiB, flushed", &|row| ms(row.flush.median()));
    line("longest receipt of those that were read", &|row| {
        let Documents { receipt_bytes, receipt_hashes, .. } = row.documents;
        format!("{receipt_bytes} bytes, {receipt_hashes} hashes")
    });
    line("longest proof of consistency", &|row| {
        format!("{} hashes", row.documents.consistency_hashes)
    });
    line("release document, not read before, `?at=`", &|row| ms(row.documents.first.median()));
    line("of that, receipt and proof", &|row| ms(row.proof.median()));
    line("the same from memory, `?at=`", &|row| ms(row.documents.proved.median()));
    line("the same from memory", &|row| ms(row.documents.again.median()));
    line("`mcpkg install`, the whole process", &|row| ms(row.install.median()));
    line("resident memory", &|row| format!("{:.0} MiB", row.memory_mib));
    line("disk: log", &|row| {
        format!("{} bytes an entry, {} MiB", row.log_bytes / row.entries, mib(row.log_bytes))
    });
    line("disk: database", &|row| {
        let bytes = row.database_bytes;
        format!("{} bytes an entry, {} MiB", bytes / row.entries, mib(bytes))
    });
}
