{{- define "name" -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{- end }}
{{- define "dashboard host" -}}{{ .Values.dashboard.url | trimPrefix "https://" | trimSuffix "/" }}{{- end }}
{{- define "client secret" -}}{{ if .Values.dashboard.url }}{{ .Values.secret.keys.clientSecret }}{{ end }}{{- end }}
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
