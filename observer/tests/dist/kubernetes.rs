//! The manifests: of the shape that Kubernetes documents, and with the rights of the unit.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use observer::config::agent::Workload;
use observer::config::listen::Listen;
use observer::config::{Config, DEFAULT_FILE};
use serde_json::Value;

use crate::kit::monitoring::dist::text;
use crate::kit::monitoring::said;
use crate::systemd;

/// Objects that Kubernetes accepts, as far as the manifests go: its OpenAPI definitions, without words.
fn schema() -> Value {
    serde_json::from_str(include_str!("kubernetes-schema.json")).unwrap()
}

fn manifest(name: &str) -> Value {
    serde_saphyr::from_str(&text(&format!("kubernetes/{name}.yaml"))).unwrap()
}

/// Faults of `value` by its definition. A field that no definition names is a mistake.
fn mistakes(schema: &Value, expected: &Value, value: &Value, at: &str) -> Vec<String> {
    let expected = match expected["$ref"].as_str() {
        Some(name) => &schema["definitions"][name],
        None => expected,
    };
    if let Some(choices) = expected["oneOf"].as_array() {
        let fits = |choice: &Value| mistakes(schema, choice, value, at).is_empty();
        return if choices.iter().any(fits) {
            Vec::new()
        } else {
            vec![format!("{at}: {value} is of no kind that may be there")]
        };
    }
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let may_be = expected["type"].as_str().unwrap_or(is);
    if may_be != is && (may_be, is) != ("number", "integer") {
        return vec![format!("{at}: {value} is no {may_be}")];
    }
    let mut found = Vec::new();
    if let Some(allowed) = expected["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{at}: {value} is none of {allowed:?}"));
    }
    for required in expected["required"].as_array().into_iter().flatten() {
        if value.get(required.as_str().unwrap()).is_none() {
            found.push(format!("{at}: {required} is missing"));
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{key}");
        match (
            expected["properties"].get(key),
            expected.get("additionalProperties"),
        ) {
            (Some(field), _) | (None, Some(field)) => {
                found.extend(mistakes(schema, field, inner, &at));
            }
            (None, None) => found.push(format!("{at}: there is no such field")),
        }
    }
    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}[{index}]");
        found.extend(mistakes(schema, &expected["items"], inner, &at));
    }
    found
}

fn mistakes_of(manifest: &Value) -> Vec<String> {
    let schema = schema();
    let kind = format!(
        "{}/{}",
        manifest["apiVersion"].as_str().unwrap(),
        manifest["kind"].as_str().unwrap()
    );
    let definition = schema["kinds"][&kind].as_str();
    let definition = definition.unwrap_or_else(|| panic!("no schema of {kind}"));
    mistakes(&schema, &schema["definitions"][definition], manifest, &kind)
}

#[test]
fn every_manifest_is_as_kubernetes_wants_it() {
    let kustomization = manifest("kustomization");
    let resources = kustomization["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 5);
    for resource in resources {
        let name = resource.as_str().unwrap().trim_end_matches(".yaml");
        let found = mistakes_of(&manifest(name));
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}

#[test]
fn mistakes_in_manifests_are_found() {
    let daemonset = text("kubernetes/daemonset.yaml");
    for (right, wrong, complaint) in [
        ("hostPID: true", "hostPid: true", "hostPid"),
        ("hostPID: true", "hostPID: \"true\"", "boolean"),
        ("containerPort: 9787", "protocol2: TCP", "containerPort"),
        ("drop: [ALL]", "drop: ALL", "array"),
        ("kind: DaemonSet", "kind: DaemonSet\nspecs: {}", "specs"),
    ] {
        let manifest: Value = serde_saphyr::from_str(&daemonset.replace(right, wrong)).unwrap();
        let found = mistakes_of(&manifest).join("; ");
        assert!(found.contains(complaint), "{wrong}: {found}");
    }
}

fn strings(value: &Value) -> BTreeSet<String> {
    let all = value.as_array().into_iter().flatten();
    all.map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_pod_has_the_rights_of_the_unit_and_no_more() {
    let daemonset = manifest("daemonset");
    let pod = &daemonset["spec"]["template"]["spec"];
    let containers = pod["containers"].as_array().unwrap();
    let [container] = containers.as_slice() else {
        panic!("more than one container");
    };
    let security = &container["securityContext"];
    assert_eq!(security["privileged"], false);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(
        strings(&security["capabilities"]["drop"]),
        ["ALL".to_owned()].into()
    );
    let unit: BTreeSet<_> = systemd::words("CapabilityBoundingSet")
        .iter()
        .map(|name| name.trim_start_matches("CAP_").to_owned())
        .collect();
    assert_eq!(strings(&security["capabilities"]["add"]), unit);
    // The example beside the image gives the same.
    let dockerfile = text("docker/Dockerfile");
    let example: BTreeSet<_> = dockerfile
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--cap-add="))
        .map(str::to_owned)
        .collect();
    assert_eq!(example, unit);
}

#[test]
fn names_within_the_manifests_agree() {
    let daemonset = manifest("daemonset");
    let template = &daemonset["spec"]["template"];
    let labels = &template["metadata"]["labels"];
    for selector in [
        &daemonset["spec"]["selector"],
        &manifest("networkpolicy")["spec"]["podSelector"],
        &manifest("podmonitor")["spec"]["selector"],
    ] {
        assert_eq!(&selector["matchLabels"], labels);
    }
    let pod = &template["spec"];
    assert_eq!(
        pod["serviceAccountName"],
        manifest("serviceaccount")["metadata"]["name"]
    );
    let volumes = pod["volumes"].as_array().unwrap();
    assert_eq!(
        volumes[0]["configMap"]["name"],
        manifest("configmap")["metadata"]["name"]
    );
    let container = &pod["containers"][0];
    let port = &container["ports"][0]["name"];
    for name in [
        &container["livenessProbe"]["httpGet"]["port"],
        &container["readinessProbe"]["httpGet"]["port"],
        &manifest("networkpolicy")["spec"]["ingress"][0]["ports"][0]["port"],
        &manifest("podmonitor")["spec"]["podMetricsEndpoints"][0]["port"],
    ] {
        assert_eq!(name, port);
    }
    let mounted: BTreeSet<_> = container["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| mount["name"].as_str())
        .collect();
    assert_eq!(
        mounted,
        volumes
            .iter()
            .map(|volume| volume["name"].as_str())
            .collect()
    );
    for name in [
        "serviceaccount",
        "configmap",
        "networkpolicy",
        "podmonitor",
        "daemonset",
    ] {
        assert_eq!(
            manifest(name)["metadata"]["namespace"],
            manifest("namespace")["metadata"]["name"]
        );
    }
}

#[test]
fn the_agent_listens_where_the_pod_says() {
    let map = manifest("configmap");
    let config = map["data"]["config.toml"].as_str().unwrap();
    let config = Config::parse(Path::new("configmap.yaml"), config).unwrap();
    let Listen::Tcp(listen) = config.agent.listen else {
        panic!("no port: {}", config.agent.listen);
    };
    let container = &manifest("daemonset")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["ports"][0]["containerPort"], listen.port());
    assert!(listen.ip().is_unspecified());
    assert!(config.agent.allow_plaintext);
    assert_eq!(config.agent.workload, Workload::Container);
    let folder = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    assert_eq!(
        Path::new(folder).join("config.toml"),
        Path::new(DEFAULT_FILE)
    );
}

#[test]
fn the_agent_knows_its_environment() {
    let container = &manifest("daemonset")["spec"]["template"]["spec"]["containers"][0];
    let (_, help) = said(Command::new(env!("CARGO_BIN_EXE_observer")).args(["agent", "--help"]));
    let variables = container["env"].as_array().unwrap();
    assert_eq!(variables.len(), 1);
    for variable in variables {
        let name = variable["name"].as_str().unwrap();
        assert!(help.contains(&format!("[env: {name}]")), "{name}: {help}");
    }
}
