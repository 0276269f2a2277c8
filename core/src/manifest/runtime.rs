//! Which options an interpreter may be given.
//!
//! An interpreter's options can hold code (`node -e`), name a module to fetch
//! (`deno run npm:…`) or load a file from the working folder. Rather than list
//! every way, which each release of each interpreter would outdate, we list the
//! options that do none of this. After them comes a file of the bundle; what
//! follows is the server's own business.
//!
//! `python -m` is not among them: it looks for the module in the working folder
//! first, and an agent starts servers in folders that strangers fill.

/// The programs that a manifest may start without bringing them along.
pub const RUNTIMES: &[&str] =
    &["node", "python", "python3", "uv", "deno", "bun", "java", "dotnet", "ruby"];

/// The options of one interpreter. A `*` at the end stands for any rest.
pub(super) struct Rules {
    /// Words that come before the program, at most once each: `run`.
    pub(super) subcommands: &'static [&'static str],
    /// Options that must be there, since without them it fetches code.
    pub(super) required: &'static [&'static str],
    /// Options that stand alone.
    pub(super) flags: &'static [&'static str],
    /// Options that take the next argument, whatever it is.
    pub(super) valued: &'static [&'static str],
    /// Options that take a path, which must be in the bundle.
    pub(super) paths: &'static [&'static str],
    /// Options whose path is the program.
    pub(super) programs: &'static [&'static str],
    /// Options that hold code, to say so.
    pub(super) inline: &'static [&'static str],
}

/// The rules of one of [`RUNTIMES`].
pub(super) fn rules(runtime: &str) -> &'static Rules {
    match runtime {
        "node" => &NODE,
        "python" | "python3" => &PYTHON,
        "uv" => &UV,
        "deno" => &DENO,
        "bun" => &BUN,
        "java" => &JAVA,
        "ruby" => &RUBY,
        _ => &NONE,
    }
}

/// A file of the bundle and nothing before it.
const NONE: Rules = Rules {
    subcommands: &[],
    required: &[],
    flags: &[],
    valued: &[],
    paths: &[],
    programs: &[],
    inline: &[],
};

const NODE: Rules = Rules {
    flags: &[
        "--enable-source-maps",
        "--experimental-sqlite",
        "--experimental-strip-types",
        "--experimental-transform-types",
        "--experimental-vm-modules",
        "--max-old-space-size=*",
        "--max-semi-space-size=*",
        "--no-deprecation",
        "--no-warnings",
        "--disable-warning=*",
        "--stack-trace-limit=*",
        "--trace-deprecation",
        "--trace-uncaught",
        "--trace-warnings",
        "--unhandled-rejections=*",
        "--use-bundled-ca",
        "--use-openssl-ca",
        "--use-system-ca",
        "--preserve-symlinks",
        "--preserve-symlinks-main",
    ],
    paths: &["-r", "--require", "--import", "--env-file"],
    inline: &["-e", "--eval", "-p", "--print", "-pe"],
    ..NONE
};

const PYTHON: Rules = Rules {
    flags: &["-B", "-E", "-I", "-O", "-OO", "-P", "-s", "-S", "-u", "-q", "-b", "-v"],
    valued: &["-X", "-W"],
    inline: &["-c*", "-uc*", "-Ic*"],
    ..NONE
};

const UV: Rules = Rules {
    subcommands: &["run"],
    flags: &[
        "--offline",
        "--frozen",
        "--locked",
        "--no-sync",
        "--no-dev",
        "--no-index",
        "--no-cache",
        "--no-config",
        "--no-progress",
        "--isolated",
        "--quiet",
        "-q",
    ],
    valued: &["--python", "-p"],
    paths: &["--directory", "--project", "--find-links"],
    inline: &["-c*"],
    ..NONE
};

const DENO: Rules = Rules {
    subcommands: &["run"],
    required: &["--no-remote", "--no-npm"],
    flags: &[
        "--no-remote",
        "--no-npm",
        "-A",
        "--allow-*",
        "--deny-*",
        "--no-prompt",
        "--no-check",
        "--no-lock",
        "--no-config",
        "--quiet",
        "-q",
    ],
    paths: &["--config", "--import-map"],
    inline: &["eval"],
    ..NONE
};

const BUN: Rules = Rules {
    subcommands: &["run"],
    required: &["--no-install"],
    flags: &["--no-install", "--silent", "--smol"],
    paths: &["--preload", "-r", "--env-file"],
    inline: &["-e", "--eval", "-p", "--print"],
    ..NONE
};

const JAVA: Rules = Rules {
    flags: &[
        "-D*",
        "-Xms*",
        "-Xmx*",
        "-Xss*",
        "-XX:+*",
        "-XX:-*",
        "--enable-preview",
        "--enable-native-access=*",
        "-server",
    ],
    programs: &["-jar"],
    ..NONE
};

const RUBY: Rules = Rules {
    flags: &["-W*", "-w", "--yjit", "--jit", "--disable-gems", "--disable=gems"],
    paths: &["-I", "-r"],
    inline: &["-e*"],
    ..NONE
};
