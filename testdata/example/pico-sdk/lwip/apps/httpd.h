/* Stand-in for lwIP 2.2. */
struct altcp_tls_config;
void httpd_inits(struct altcp_tls_config *config);
