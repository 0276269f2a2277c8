//! Where containers are: an engine with a folder of its own, and a registry of images.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use mcpkg_core::Digest;
use mcpkg_test_support::{Http, World};
use tempfile::TempDir;

use crate::fixture::Fixture;
use crate::guard::changing_server;

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let id = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        // So that it ends what it has started in turn.
        let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

impl Running {
    /// Starts a program, and waits until it says where it listens. What follows that word
    /// on its line is the answer.
    fn start(command: &mut Command, word: &str) -> (Self, String) {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut said = Vec::new();
        let found = lines.by_ref().find_map(|line| {
            let found = line.split_once(word).map(|(_, rest)| rest.to_owned());
            said.push(line);
            found
        });
        let running = Self(child);
        // Nobody reads on, and it has to go on.
        thread::spawn(move || lines.for_each(drop));
        (running, found.unwrap_or_else(|| panic!("it did not start:\n{}", said.join("\n"))))
    }
}

/// An engine, a registry, and a folder for both.
pub(super) struct Yard {
    engine: String,
    variables: Vec<(String, String)>,
    registry: String,
    _running: Vec<Running>,
    folder: TempDir,
}

/// Where both engines look for what they start in turn.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The proxy of whoever runs the engine.
const PROXY: &str = "http://ada:pr0xy@proxy.acme.example:3128";

/// What each image has to do with.
const PROGRAMS: [&str; 7] = ["sh", "cat", "env", "grep", "id", "ls", "sleep"];

const SERVE: &str = "exec /server\n";

/// A server that neither the end of its input nor a signal ends.
const DEAF: &str = "trap '' TERM\n/server\nwhile :; do sleep 1; done\n";

/// Says what it finds around it.
const LOOK: &str = "\
grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
{ echo > /file; } 2>/dev/null || echo 'root is read-only'
echo networks: $(ls /sys/class/net)
[ $(id -u) = 0 ] || echo 'nobody is root'
echo processes: $(cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null)
env
exit 7
";

impl Yard {
    /// Starts what has to be started for this engine.
    pub(super) fn open(engine: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let write = |name: &str, text: String| {
            fs::write(folder.path().join(name), text).unwrap();
            at(name)
        };
        let config = write(
            "registry.yml",
            format!(
                "version: 0.1\nstorage: {{filesystem: {{rootdirectory: \"{}\"}}}}\n\
                 http: {{addr: \"127.0.0.1:0\"}}\n",
                at("registry")
            ),
        );
        let mut command = Command::new("docker-registry");
        command.args(["serve", &config]).stdout(Stdio::null());
        let (registry, address) = Running::start(&mut command, "listening on ");
        let address = address.split(['"', ' ']).next().unwrap().to_owned();
        let mut running = vec![registry];
        let mut variables = vec![("PATH", PATH.to_owned())];
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            variables.push((name, PROXY.to_owned()));
        }
        if engine == "podman" {
            let storage = format!(
                "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
                at("images"),
                at("run")
            );
            // A machine that is itself confined may not raise limits, nor lower those that
            // the engine has found; and runc takes control groups of both generations.
            let containers = format!(
                "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n\
                 [engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\n\
                 events_logger = \"none\"\ntmp_dir = \"{}\"\n",
                at("tmp")
            );
            let registries = format!("[[registry]]\nlocation = \"{address}\"\ninsecure = true\n");
            variables.extend([
                ("CONTAINERS_STORAGE_CONF", write("storage.conf", storage)),
                ("CONTAINERS_CONF", write("containers.conf", containers)),
                ("CONTAINERS_REGISTRIES_CONF", write("registries.conf", registries)),
            ]);
        } else {
            let host = format!("unix://{}", at("docker.sock"));
            let mut command = Command::new("dockerd");
            command.args(["--host", &host, "--data-root", &at("images"), "--exec-root"]);
            command.args([&at("run"), "--pidfile", &at("pid"), "--storage-driver", "vfs"]);
            command.args(["--bridge", "none", "--iptables=false", "--ip6tables=false"]);
            let (daemon, _) = Running::start(command.env("PATH", PATH), "API listen on ");
            running.insert(0, daemon);
            variables.push(("DOCKER_HOST", host));
        }
        let variables =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let engine = engine.to_owned();
        Self { engine, variables, registry: address, _running: running, folder }
    }

    pub(super) fn program(&self) -> &str {
        &self.engine
    }

    /// Somebody who has the engine.
    pub(super) fn developer(&self, fixture: &Fixture) -> World {
        let mut world = fixture.developer();
        // There may be the other one as well.
        let search = world.path().join("bin");
        fs::create_dir(&search).unwrap();
        symlink(Path::new("/usr/bin").join(&self.engine), search.join(&self.engine)).unwrap();
        world.set(self.variables.iter().cloned());
        if self.engine == "docker" {
            world.set([("PATH".to_owned(), search.display().to_string())]);
        }
        world
    }

    /// What the engine says to this.
    #[track_caller]
    fn ask(&self, words: &[&str]) -> String {
        let mut command = Command::new(Path::new("/usr/bin").join(&self.engine));
        command.args(words).env_clear().env("HOME", self.folder.path());
        let output = command.envs(self.variables.iter().cloned()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {words:?}\n{said}", self.engine);
        String::from_utf8(output.stdout).unwrap()
    }

    /// The containers that there are, a line each, whether they run or not.
    ///
    /// Docker's daemon answers a second request to remove one before the first is done: it
    /// has ended, and its files are being removed.
    #[track_caller]
    pub(super) fn containers(&self) -> String {
        let listed = self.ask(&["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.State}}"]);
        listed.split_inclusive('\n').filter(|line| !line.ends_with(" removing\n")).collect()
    }

    /// An image that is in the registry and not here, by its digest.
    pub(super) fn image(&self) -> String {
        let root = self.folder.path().join("root");
        for folder in ["bin", "proc", "sys", "tmp", "dev"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        for program in PROGRAMS {
            symlink("busybox", root.join("bin").join(program)).unwrap();
        }
        for (name, script) in [("serve", SERVE), ("deaf", DEAF), ("look", LOOK)] {
            fs::write(root.join(name), script).unwrap();
        }
        let server = root.join("server");
        fs::write(&server, changing_server()).unwrap();
        fs::set_permissions(&server, fs::Permissions::from_mode(0o755)).unwrap();
        // With the libraries that it was linked to.
        let listed = Command::new("ldd").arg(&server).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        for library in listed.split_whitespace().filter(|word| word.starts_with('/')) {
            let to = root.join(library.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(library, to).unwrap();
        }
        self.push("weather", &root)
    }

    /// An image whose manifest is another one in the registry than its digest says.
    pub(super) fn forged(&self) -> String {
        let root = self.folder.path().join("other");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("serve"), SERVE).unwrap();
        let image = self.push("forged", &root);
        let (_, hex) = image.rsplit_once(':').unwrap();
        let blobs = self.folder.path().join("registry/docker/registry/v2/blobs/sha256");
        let blob = blobs.join(&hex[..2]).join(hex).join("data");
        let manifest = fs::read_to_string(&blob).unwrap();
        fs::write(&blob, format!("{manifest}\n")).unwrap();
        image
    }

    fn push(&self, name: &str, root: &Path) -> String {
        let archive = self.folder.path().join("root.tar");
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(root).arg("-cf").arg(&archive).arg(".");
        assert!(tar.status().unwrap().success());
        let reference = format!("{}/acme/{name}:1", self.registry);
        let archive = archive.display().to_string();
        self.ask(&["import", "--change", r#"ENTRYPOINT ["/bin/sh"]"#, &archive, &reference]);
        self.ask(&["push", &reference]);
        self.ask(&["rmi", "--force", &reference]);
        let accept = "application/vnd.oci.image.manifest.v1+json, \
                      application/vnd.docker.distribution.manifest.v2+json";
        let registry = Http::new(format!("http://{}", self.registry));
        let path = format!("/v2/acme/{name}/manifests/1");
        let manifest = registry.get_with(&path, &[("accept", accept)]);
        assert_eq!(manifest.status, 200, "{manifest}");
        format!("{reference}@{}", Digest::of(&manifest.body))
    }
}
