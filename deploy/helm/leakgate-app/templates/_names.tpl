{{- define "name" -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{- end }}
{{- define "select" -}}
app.kubernetes.io/component: app
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/name: leakgate-app
{{- end }}
{{- define "labels" -}}
{{ include "select" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
