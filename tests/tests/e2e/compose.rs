//! What docker-compose.yml runs works: the commands parse, and Envoy takes the configuration that comes of them.

use std::process::Command;

use muxspace_tests::{compose, stack};

#[test]
fn envoy_takes_what_compose_renders() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = |argument: &str| {
        let config = folder.path().join("config").display().to_string();
        argument.replace("=/config/", &format!("={config}/")).replace("=/data", &format!("={config}"))
    };
    std::fs::create_dir(folder.path().join("config")).expect("a folder can be made");
    let arguments: Vec<String> =
        compose::service("envoy-config").list("command").iter().map(|word| place(word)).collect();
    let mut render = stack::muxspace(folder.path());
    render.env_remove("MUXSPACE_NODE_TOKEN").args(&arguments);
    let rendered = render.output().expect("muxspace runs");
    assert!(rendered.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&rendered.stderr));

    // As the container's entry point does: the environment from the file, then Envoy.
    let script =
        ". config/envoy.env && exec \"$0\" --mode validate --disable-hot-restart --config-path config/envoy.yaml";
    let envoy =
        Command::new("/bin/sh").args(["-c", script]).arg(stack::envoy_path()).current_dir(folder.path()).output();
    let envoy = envoy.expect("a shell runs");
    let log = String::from_utf8_lossy(&envoy.stderr);
    assert!(
        envoy.status.success() && format!("{log}{}", String::from_utf8_lossy(&envoy.stdout)).contains("OK"),
        "{log}"
    );
}

#[test]
fn the_servers_command_is_understood() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = format!("={}", folder.path().join("data").display());
    let arguments: Vec<String> =
        compose::service("control-server").list("command").iter().map(|word| word.replace("=/data", &data)).collect();
    let mut command = stack::muxspace(folder.path());
    // Nothing is served from it: the one thing that is wrong is found after the arguments were read.
    let output = command.args(&arguments).args(["--filter", "/nowhere/filter.wasm"]).output().expect("muxspace runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("/nowhere/filter.wasm"), "{text}");
}
