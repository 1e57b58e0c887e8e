# The dashboard of conf/monitoring beside the types that Grafana's makers publish. Takes Node.js and, once, the npm registry.

.PHONY: dashboard-check

dashboard-check: deps-test $(OUT)/grafana/node_modules ## the dashboard has no member that Grafana's own types do not know, and all that they ask for
	@node t/grafana/judge.js $(OUT)/grafana conf/monitoring/encgather-dashboard.json

$(OUT)/grafana/node_modules: t/grafana/package.json t/grafana/package-lock.json
	@mkdir -p $(@D)
	@cp $^ $(@D)/
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@
