# `just` lists these.

_default:
    @just --list --unsorted

# Everything that CI checks and that needs Rust alone
check: test fmt clippy doc

# The tests
test:
    cargo test --workspace

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The story: publish, verify, install, launch, and three attacks
quickstart:
    cargo quickstart

# A real package from npm, through everything, with MCP clients we did not write (Node)
real-input:
    tests/real-input/run

# A Sigstore of real programs, and verifiers we did not write (Go, Python; ten minutes the first time)
interop:
    tests/interop/sigstore/run

# Log-ins at a certified identity provider (Node with npm)
idp:
    tests/interop/idp/run

# Images started by real podman and docker, from a real registry of images (root, apt)
engine:
    tests/interop/engine/run

# The bills of materials of imported packages, held to CycloneDX's own schema (Python)
sbom:
    tests/interop/sbom/run

# The action and the templates of docs/publishing.md (actionlint, zizmor: Go, Python)
workflows:
    .ci/workflows

# The figures of docs/benchmarks.md (Node, curl, unzip, wrk)
bench:
    cargo bench --package mcpkg-verify
    cargo bench --package mcpkg-core --bench guard
    cargo bench --package mcpkg-cli --bench settings
    cargo bench --package mcpkg-cli --bench faults
    cargo bench --package mcpkg-registry-server --features generate --bench admission
    cargo run --release --package mcpkg-real-input -- guard
    cargo run --release --package mcpkg-real-input -- bench
    cargo run --release --package mcpkg-endurance -- publishes

# Kills the registry under load this many times, and looks for what is lost
kill-rounds rounds="1000" *args:
    cargo run --release --package mcpkg-endurance -- kill-rounds {{rounds}} {{args}}

# 64 readers beside 8 publishers for so many seconds
load seconds="300":
    cargo run --release --package mcpkg-endurance -- load {{seconds}}

# What grows with the log, up to a million entries (some minutes, some gigabytes)
scale *entries:
    cargo run --release --package mcpkg-endurance -- scale {{entries}}

# Every fuzz target for so many seconds each
fuzz seconds="300":
    fuzz/run {{seconds}}

# Licences, advisories, bans
deny:
    cargo deny check
