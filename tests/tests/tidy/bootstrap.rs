//! docker-compose.yml and the one bootstrap. That its commands run and that Envoy takes the outcome is tested end to
//! end, where the binaries are.

use muxspace_tests::compose::service;

use crate::source::read;

pub fn compose() -> Vec<String> {
    let (render, server, envoy) = (service("envoy-config"), service("control-server"), service("envoy"));
    let mut findings = Vec::new();
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            findings.push(what.to_owned());
        }
    };
    demand(render.list("command").first().is_some_and(|word| word == "envoy-config"), "envoy-config renders nothing");
    demand(server.list("command").first().is_some_and(|word| word == "serve"), "control-server does not serve");

    let output = render.flag("output").unwrap_or_default();
    let starts = [envoy.list("entrypoint"), envoy.list("command")].concat().join(" ");
    let configs = starts.matches("--config-path").count()
        + starts.matches("--config-yaml").count()
        + starts.matches(" -c /").count();
    demand(
        !output.is_empty() && starts.contains(&format!("--config-path {output}")),
        "Envoy does not read the rendered file",
    );
    demand(configs == 1, "Envoy reads more than the rendered file");
    let is_named = |volume: &String| volume.starts_with(|first: char| first.is_ascii_lowercase());
    demand(envoy.list("volumes").iter().all(is_named), "a file of the host is mounted into Envoy");
    demand(
        render.flag("api") == server.flag("advertise"),
        "Envoy is sent to another address than the server advertises",
    );

    let script = read("envoy/get-envoy.sh");
    let version = script.lines().find_map(|line| line.strip_prefix("version=")).unwrap_or_default();
    demand(envoy.text("image").ends_with(&format!(":v{version}")), "the image is another Envoy than get-envoy.sh gets");
    for service in [&render, &server, &envoy, &service("ollama")] {
        demand(
            service.list("ports").iter().all(|port| port.starts_with("127.0.0.1:")),
            "a port is open to the network",
        );
    }
    findings
}
