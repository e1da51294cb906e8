#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS of the HTTP server - certificate, key and what is spoken
 */
#include <openssl/types.h>
#include <stdint.h>

/* Reads a PEM certificate chain and its key; TLS 1.2 and 1.3. -ENOKEY with the reason logged: refuse to start. */
int sovd_http_tls_new(SSL_CTX **ret, const char *certificate, const char *key);
void sovd_http_tls_free(SSL_CTX *ctx);

/* When the certificate that is shown ends, in microseconds since the epoch; 0 = that cannot be read. */
uint64_t sovd_http_tls_not_after_usec(SSL_CTX *ctx);
