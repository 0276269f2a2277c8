//! Makes an artifact of a real package, from the real registries, and says what came of it.
//!
//! ```text
//! cargo run --release -p mcpkg-upstream --example import -- npm:@modelcontextprotocol/server-filesystem out.mcpb
//! ```

#![expect(clippy::print_stdout, reason = "it is a program that says what it did")]

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use mcpkg_core::Platform;
use mcpkg_core::archive::{Archive, Limits};
use mcpkg_upstream::{
    Importer, Reference, Sources, Terms, Tools, Trust, carried, judge, npm::evidence::KEYS,
};
use mcpkg_verify::{RegistryKey, TrustRoot};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let reference: Reference = args.next().ok_or("which package?")?.parse()?;
    let out = PathBuf::from(args.next().ok_or("into which file?")?);
    let trust =
        Trust { roots: vec![TrustRoot::public_good()?], keys: RegistryKey::read_npm(KEYS)? };
    let sources = Sources::or_public(None, None, Vec::new());
    let importer = Importer::new(sources, Tools::from_environment(), trust.clone())?;
    let platform = Platform::current().ok_or("this machine is of no platform")?;

    let start = Instant::now();
    let closure = importer.resolve(&reference, platform, &BTreeSet::new())?;
    println!("chosen   {} files in {:.1?}", closure.members.len(), start.elapsed());
    let statements = importer.evidence(&closure)?;
    let evidence: Vec<_> = statements.iter().map(|it| it.evidence.clone()).collect();
    let release = &closure.root().release;
    let judgement = judge(release, &evidence, &Terms::default(), Timestamp::now());
    println!("evidence {} statements: {judgement:?}", statements.len());
    let (start, mut bytes) = (Instant::now(), 0);
    let made = importer.make(&closure, &statements, &out, |count| bytes += count)?;
    println!("made     {} from {bytes} bytes in {:.1?}", made.digest, start.elapsed());
    println!("         {} bytes for {}", made.size_bytes, made.platform);
    let file = std::fs::File::open(&out)?;
    let mut archive = Archive::read(file, &Limits::default())?;
    let found = carried::read(&mut archive, &trust)?.ok_or("it carries nothing")?;
    println!("carries  {} and {} statements", found.origin.release, found.statements.len());
    Ok(())
}
