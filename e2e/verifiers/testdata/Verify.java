import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CRL;
import java.security.cert.CertPathValidator;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Judges a chain: server|client|crl ROOT.pem CHAIN.pem [CRL]. */
public class Verify {
    static final CertificateFactory factory;

    static {
        try {
            factory = CertificateFactory.getInstance("X.509");
        } catch (Exception e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    public static void main(String[] args) throws Exception {
        KeyStore roots = KeyStore.getInstance(KeyStore.getDefaultType());
        roots.load(null, null);
        roots.setCertificateEntry("root", read(args[1]).get(0));
        List<X509Certificate> chain = read(args[2]);
        if (args[0].equals("crl")) {
            revocation(roots, chain, args[3]);
            return;
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(roots);
        X509TrustManager manager = (X509TrustManager) trust.getTrustManagers()[0];
        X509Certificate[] all = chain.toArray(new X509Certificate[0]);
        switch (args[0]) {
            case "server" -> manager.checkServerTrusted(all, "ECDHE_ECDSA");
            case "client" -> manager.checkClientTrusted(all, "ECDHE_ECDSA");
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    static void revocation(KeyStore roots, List<X509Certificate> chain, String file) throws Exception {
        PKIXParameters parameters = new PKIXParameters(roots);
        try (FileInputStream in = new FileInputStream(file)) {
            CRL crl = factory.generateCRL(in);
            parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(List.of(crl))));
        }
        CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(chain), parameters);
    }

    static List<X509Certificate> read(String file) throws Exception {
        List<X509Certificate> certificates = new ArrayList<>();
        try (FileInputStream in = new FileInputStream(file)) {
            for (var c : factory.generateCertificates(in)) {
                certificates.add((X509Certificate) c);
            }
        }
        return certificates;
    }
}
