//! A registry whose log three witnesses vouch for, two of which have to.

use mcpkg_core::Code;
use mcpkg_core::api::ReleaseDocument;
use mcpkg_core::log::{LogTrust, Receipt, SignedCheckpoint, VerifierKey};
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Reply, TestRegistry, TestWitness};

use crate::{NAME, release};

/// What a client trusts that demands `quorum` of these witnesses.
fn trust(registry: &TestRegistry, witnesses: &[TestWitness], quorum: usize) -> LogTrust {
    let witnesses: Vec<VerifierKey> = witnesses.iter().map(TestWitness::key).collect();
    LogTrust { witnesses, quorum, ..LogTrust::new(registry.log_key().verifier()) }
}

/// The checkpoint in the receipt of an accepted release.
#[track_caller]
fn receipt(reply: &Reply, trust: &LogTrust) -> SignedCheckpoint {
    let document: ReleaseDocument = reply.json();
    let receipt: Receipt = document.log.receipt.parse().unwrap();
    receipt.verify(document.log.entry.get().as_bytes(), trust).unwrap()
}

fn checkpoint(registry: &TestRegistry) -> String {
    String::from_utf8(registry.http().get("/v1/log/checkpoint").body).unwrap()
}

#[test]
fn receipts_and_checkpoints_carry_the_signatures_of_witnesses() {
    let sigstore = TestSigstore::start();
    let (registry, witnesses) = TestRegistry::start_witnessed(&sigstore.trusted_root_json());
    for (version, size) in [("1.0.0", 1), ("1.1.0", 2), ("2.0.0", 3)] {
        let reply = registry.accept(&release(&sigstore, version));
        let in_receipt = receipt(&reply, &trust(&registry, &witnesses, 2));
        assert_eq!(in_receipt.tree().size, size);
        let served = checkpoint(&registry);
        trust(&registry, &witnesses, 2).verify_checkpoint(&served).unwrap();
        assert_eq!(in_receipt.note(), served);
    }
    // A client that demands more than there are is not content.
    let strangers = [TestWitness::start("w/four", &[]), TestWitness::start("w/five", &[])];
    let error = trust(&registry, &strangers, 1).verify_checkpoint(&checkpoint(&registry));
    assert_eq!(mcpkg_core::Coded::code(&error.unwrap_err()), Code::Witness);
}

#[test]
fn one_witness_may_be_away_and_two_may_not() {
    let sigstore = TestSigstore::start();
    let (registry, mut witnesses) = TestRegistry::start_witnessed(&sigstore.trusted_root_json());
    witnesses[0].go_away();
    let reply = registry.accept(&release(&sigstore, "1.0.0"));
    receipt(&reply, &trust(&registry, &witnesses, 2));

    witnesses[1].go_away();
    let refused = release(&sigstore, "1.1.0");
    for _ in 0..2 {
        let reply = registry.publish(&refused);
        assert_eq!(reply.outcome(), (503, Some(Code::Witness)), "{reply}");
    }
    // Nothing of it can be seen, and what was there can.
    let address = format!("/v1/packages/{NAME}/1.1.0");
    assert_eq!(registry.http().get(&address).status, 404);
    let served = trust(&registry, &witnesses, 2).verify_checkpoint(&checkpoint(&registry));
    assert_eq!(served.unwrap().tree().size, 1);
    assert_eq!(registry.http().get(&format!("/v1/packages/{NAME}/1.0.0")).status, 200);

    // The other one comes back, which has missed two trees.
    witnesses[0].come_back();
    let reply = registry.publish(&refused);
    assert!(matches!(reply.status, 200 | 201), "{reply}");
    let in_receipt = receipt(&reply, &trust(&registry, &witnesses, 2));
    assert_eq!(in_receipt.tree().size, 2, "it was logged once");
    assert_eq!(registry.http().get(&address).status, 200);
    // The same again has the same receipt.
    let again: ReleaseDocument = registry.publish(&refused).json();
    assert_eq!(again.log.receipt, reply.json::<ReleaseDocument>().log.receipt);
}
