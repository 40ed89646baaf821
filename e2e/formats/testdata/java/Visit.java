import java.net.URL;
import javax.net.ssl.HttpsURLConnection;

/** Visits a page over HTTPS as any Java program does, and prints it. */
public class Visit {
    public static void main(String[] args) throws Exception {
        HttpsURLConnection connection = (HttpsURLConnection) new URL(args[0]).openConnection();
        connection.setConnectTimeout(10_000);
        connection.setReadTimeout(10_000);
        try (var in = connection.getInputStream()) {
            in.transferTo(System.out);
        }
    }
}
