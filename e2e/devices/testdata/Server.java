import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.net.InetSocketAddress;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/** Says hello over HTTPS, with the key store and trust store of the properties javax.net.ssl, to clients with an identity. */
class Server {
  public static void main(String[] args) throws Exception {
    SSLContext context = SSLContext.getDefault();
    HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(context) {
      @Override
      public void configure(HttpsParameters parameters) {
        SSLParameters all = context.getDefaultSSLParameters();
        all.setNeedClientAuth(true);
        parameters.setSSLParameters(all);
      }
    });
    server.createContext("/", exchange -> {
      exchange.sendResponseHeaders(200, 5);
      exchange.getResponseBody().write("hello".getBytes());
      exchange.close();
    });
    server.start();
  }
}
