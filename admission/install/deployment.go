package install

import "fmt"

// Ports of a replica. 10250 is open from managed control planes to nodes where
// others are not. https://cert-manager.io/docs/concepts/webhook/#webhook-connection-problems-on-gke-private-cluster
const (
	webhookPort = 10250
	healthPort  = 8081
)

func (o Options) deployment() object {
	return object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": o.meta(Name), "spec": object{
		"replicas": o.Replicas, "selector": object{"matchLabels": labels()},
		"strategy": object{"type": "RollingUpdate", "rollingUpdate": object{"maxUnavailable": 0, "maxSurge": 1}},
		"template": object{"metadata": object{"labels": labels()}, "spec": o.pod()},
	}}
}

func (o Options) pod() object {
	volumes := []object{{"name": "policy", "configMap": object{"name": PolicyMap}}}
	mounts := []object{{"name": "policy", "mountPath": "/etc/leakgate", "readOnly": true}}
	args := []string{"serve", "--policy", "/etc/leakgate/.leakgate.yaml", "--namespace", o.Namespace, "--certificates", o.Certificates, fmt.Sprintf("--detect=%v", o.OtherKinds)}
	if o.Certificates != SelfManaged {
		volumes = append(volumes, object{"name": "tls", "secret": object{"secretName": ServingSecret}})
		mounts = append(mounts, object{"name": "tls", "mountPath": "/etc/leakgate-tls", "readOnly": true})
		args = append(args, "--cert-dir", "/etc/leakgate-tls")
	}
	probe := func(path string, period int) object {
		return object{"httpGet": object{"path": path, "port": "health"}, "periodSeconds": period, "failureThreshold": 3}
	}
	return object{
		"serviceAccountName": Name, "priorityClassName": "system-cluster-critical", "terminationGracePeriodSeconds": 30,
		"securityContext":           object{"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532, "seccompProfile": object{"type": "RuntimeDefault"}},
		"topologySpreadConstraints": []object{o.spread("kubernetes.io/hostname"), o.spread("topology.kubernetes.io/zone")},
		"volumes":                   volumes,
		"containers": []object{{
			"name": "webhook", "image": o.Image, "args": args, "volumeMounts": mounts,
			"env":            []object{{"name": "GOMEMLIMIT", "value": "200MiB"}}, // collect before the limit below ends it
			"ports":          []object{{"name": "webhook", "containerPort": webhookPort}, {"name": "health", "containerPort": healthPort}},
			"readinessProbe": probe("/readyz", 2), "livenessProbe": probe("/healthz", 10),
			"resources":       object{"requests": object{"cpu": "50m", "memory": "64Mi"}, "limits": object{"memory": "256Mi"}},
			"securityContext": object{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": object{"drop": []string{"ALL"}}},
		}},
	}
}

func (o Options) spread(over string) object {
	return object{"maxSkew": 1, "topologyKey": over, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": object{"matchLabels": labels()}}
}
