//! Statements about packages, signed by whoever a test likes.

use mcpkg_core::Digest;
use mcpkg_core::api::{PackageIndex, Status};
use mcpkg_core::log::{
    Checkpoint, IndexNote, Level, SignedNote, TILE_WIDTH, TilePath, read_bundle,
};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{
    BindingStatement, BuildsOn, PackageStatement, RebuildResult, RebuildStatement, RebuiltArtifact,
    StatusStatement,
};

use crate::http::Http;
use crate::sigstore::{Identity, Provider, TestSigstore};

/// The last entry about a package, on which a statement builds.
#[derive(Clone, Debug)]
pub struct Basis {
    /// Of which package.
    pub name: String,
    /// The entry.
    pub on: BuildsOn,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
}

impl Basis {
    /// What a statement about `name` builds upon, at the registry behind `http`.
    pub fn of(http: &Http, name: &str) -> Self {
        let index: PackageIndex = http.get(&format!("/v1/packages/{name}")).json();
        let text = |note: &str| {
            SignedNote::parse(note.as_bytes()).expect("it is a note").text().to_owned()
        };
        let note = IndexNote::parse(&text(&index.log.index)).expect("it is an index");
        let checkpoint = Checkpoint::parse(&text(&index.log.checkpoint)).expect("it is one");
        let entry = note.entries.last().expect("it has an entry").index;
        let path = TilePath::of_tree(Level::Entries, entry / TILE_WIDTH, checkpoint.tree.size);
        let path = path.expect("the log has the entry");
        let bundle = http.get(&format!("/v1/log/tile/{path}")).body;
        let leaves = read_bundle(&bundle).expect("it is a bundle");
        let place = usize::try_from(entry % TILE_WIDTH).expect("it is small");
        let on = BuildsOn { log: checkpoint.origin, entry };
        Self { name: name.to_owned(), on, digest: Digest::of(leaves[place]) }
    }

    /// That a release has another status.
    pub fn status(&self, version: &str, status: Status, reason: Option<&str>) -> PackageStatement {
        PackageStatement::Status(StatusStatement {
            name: self.name.parse().expect("it is a name"),
            version: version.parse().expect("it is a version"),
            status,
            reason: reason.map(str::to_owned),
            builds_on: self.on.clone(),
        })
    }

    /// That the name is to be bound to somebody else.
    pub fn binding(&self, publisher: &Publisher) -> PackageStatement {
        PackageStatement::Binding(BindingStatement {
            name: self.name.parse().expect("it is a name"),
            publisher: publisher.clone(),
            builds_on: self.on.clone(),
        })
    }

    /// That a release was built again, with this result.
    pub fn rebuild(&self, version: &str, artifacts: Vec<RebuiltArtifact>) -> PackageStatement {
        let result = if artifacts.is_empty() {
            RebuildResult::Failed
        } else if artifacts.iter().all(|it| it.built == it.published) {
            RebuildResult::Identical
        } else {
            RebuildResult::Different
        };
        PackageStatement::Rebuild(RebuildStatement {
            name: self.name.parse().expect("it is a name"),
            version: version.parse().expect("it is a version"),
            result,
            artifacts,
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            builds_on: self.on.clone(),
        })
    }

    /// Signs a statement that builds upon this.
    pub fn sign<P: Provider>(
        &self,
        statement: &PackageStatement,
        sigstore: &TestSigstore,
        by: &Identity<P>,
    ) -> Vec<u8> {
        let statement = statement.to_in_toto(self.digest).to_string();
        sigstore.sign_statement(by, statement.as_bytes()).into_bytes()
    }
}
